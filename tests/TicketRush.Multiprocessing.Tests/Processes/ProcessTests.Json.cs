using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing.Tests;

[JsonSerializable(typeof(Processes.Order))]
[JsonSerializable(typeof(Processes.Greeter))]
internal sealed partial class TestJson;
