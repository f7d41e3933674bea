using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing.Tests;

[JsonSerializable(typeof(Processes.Order))]
[JsonSerializable(typeof(Processes.Hello))]
[JsonSerializable(typeof(Processes.Greeter))]
[JsonSerializable(typeof(Processes.Upper))]
[JsonSerializable(typeof(Pools.Ticket))]
[JsonSerializable(typeof(Pools.Knot))]
[JsonSerializable(typeof(Pools.WornOut))]
internal sealed partial class TestJson;
