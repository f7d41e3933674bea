using System.Text.Json;
using TicketRush.Cli.Commands;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Cli.Tests;

/// <summary>Exchanges and numbers from a terminal, on a data directory.</summary>
public sealed class PlacesCommandTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("rush-cli");

    public void Dispose() => _directory.Delete(true);

    [Fact]
    public async Task An_order_is_exchanged_by_its_number_once_and_seats_are_numbered()
    {
        long order;
        await using (var sales = new Sales(new DataDirectory(_directory.FullName)))
        {
            sales.TryCreate("g1", new()
            {
                Name = "G1", Venue = "", StartsAt = "", TimeZone = "UTC", Currency = "CNY", PaymentKind = PaymentKind.External,
                Stops = [new("a", "A"), new("b", "B"), new("c", "C")],
                Pools =
                [
                    new("second", 2, 0) { Rows = [new("1", "1", "A-B")], Travel = Travel.SeatNow },
                        new("first", 2, 0) { Rows = [new("2", "1", "A-B")], Travel = Travel.SeatLater },
                ],
                Tiers = [new("second", "Second", "second", 0) { LegPrices = [100, 200] }, new("first", "First", "first", 500)],
                Rules = new(600, 1, 2, 4),
            });
            var sequencer = sales.Find("g1")!.Sequencer!;
            await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
            var bought = new Submission
            {
                Command = new() { Kind = CommandKind.Purchase, Hold = new(7), Buyer = new(1), Reference = new(1),
                    Plan = sequencer.Snapshot!.Plan, To = 1 },
            };
            bought.Command.Lines.TryAdd(1, 2);
            Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(bought));
            order = bought.Reply.Sequence;
        }

        var id = Guid.NewGuid().ToString();
        string[] exchange = ["g1", $"{order}", "second=1", "--from", "a", "--to", "c", "--seat", "1-1-B", "--ticket", "1", "--id", id,
            "--data", _directory.FullName, "--json"];
        var (code, output) = Run(PlacesCommands.CreateExchange(), exchange);
        Assert.Equal(0, code);
        var first = JsonDocument.Parse(output).RootElement;
        Assert.Equal((500, 300, "1-1-B"), (first.GetProperty("credit").GetInt32(), first.GetProperty("total").GetInt32(),
            first.GetProperty("seats")[0].GetString()));
        Assert.Equal((0, output), Run(PlacesCommands.CreateExchange(), exchange));

        // Another one of the same seat, an order that is none, a tier that is none, half a journey: refused, and the order is as it was.
        Assert.Equal(1, Run(PlacesCommands.CreateExchange(), [.. exchange[..9], "--data", _directory.FullName]).Code);
        Assert.Equal(1, Run(PlacesCommands.CreateExchange(),
            ["g1", "999", "second=1", "--from", "a", "--to", "c", "--data", _directory.FullName]).Code);
        Assert.Equal(2, Run(PlacesCommands.CreateExchange(), ["g1", $"{order}", "third=1", "--data", _directory.FullName]).Code);
        Assert.Equal(2, Run(PlacesCommands.CreateExchange(),
            ["g1", $"{order}", "second=1", "--from", "a", "--data", _directory.FullName]).Code);

        Assert.Equal(0, Run(PlacesCommands.CreateNumber(), ["g1", "first", "--data", _directory.FullName]).Code);
        Assert.Equal(1, Run(PlacesCommands.CreateNumber(), ["g1", "first", "--data", _directory.FullName]).Code);
        Assert.Equal(1, Run(PlacesCommands.CreateNumber(), ["g1", "nowhere", "--data", _directory.FullName]).Code);
        var (verified, text) = Run(VerifyCommand.Create(), [Path.Combine(_directory.FullName, "g1.rush")]);
        Assert.True(verified == 0, text);
    }

    private static (int Code, string Output) Run(System.CommandLine.Command command, string[] arguments)
    {
        var output = new StringWriter();
        return (command.Parse(arguments).Invoke(new() { Output = output, Error = new StringWriter() }), output.ToString());
    }
}
