using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing.Tests;

[JsonSerializable(typeof(Processes.Order))]
[JsonSerializable(typeof(Processes.Hello))]
[JsonSerializable(typeof(Processes.Greeter))]
[JsonSerializable(typeof(Processes.Upper))]
[JsonSerializable(typeof(Processes.Given))]
[JsonSerializable(typeof(Processes.GivenProcess))]
[JsonSerializable(typeof(Pools.Ticket))]
[JsonSerializable(typeof(Pools.Knot))]
[JsonSerializable(typeof(Pools.WornOut))]
internal sealed partial class TestJson;
