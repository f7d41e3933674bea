using System.CommandLine;
using System.Text.Json;
using TicketRush.Cli.Commands;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Cli.Tests;

public sealed class ShowVerifyExportTests : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("rush-cli");
    private readonly Sequencer _sequencer;
    private bool _isClosed;

    public ShowVerifyExportTests()
    {
        var plan = new Plan
        {
            Name = "Night, \"live\"", Venue = "Hall", StartsAt = "", TimeZone = "Europe/Paris", Currency = "EUR",
                PaymentKind = PaymentKind.External,
            Pools = [new("floor", 100, 10)], Tiers = [new("adult", "Adult", "floor", 4500), new("child", "Child", "floor", 2000)],
            Rules = new(600, 1, 6, 6),
        };
        FileJournal.TryCreate(FilePath, "night", plan);
        _sequencer = new(FileJournal.Open(FilePath, new() { Flush = false }));
        Ask(new() { Kind = CommandKind.Open });
        Ask(Places(CommandKind.Purchase, 0xaaaa_bbbb_cccc_dddd));
        Ask(Places(CommandKind.Hold, 0xaaaa_bbbb_cccc_eeee));
        Ask(new() { Kind = CommandKind.Refund, Hold = new(0xaaaa_bbbb_cccc_dddd), Key = new(9), Tickets = [2], Reason = "ill-really",
            Resell = true });
    }

    private string FilePath => Path.Combine(_directory.FullName, "night.rush");

    public async ValueTask DisposeAsync()
    {
        await Close();
        _directory.Delete(true);
    }

    [Fact]
    public void Verify_says_good_with_exit_code_0()
    {
        var (code, output, error) = Run(VerifyCommand.Create(), FilePath);
        Assert.Equal((0, ""), (code, error));
        Assert.StartsWith($"{FilePath} is good.", output);
        Assert.Contains("pool       floor: capacity 100, held 3, sold 2, blocked 10, free 85", output);
    }

    [Fact]
    public void Verify_gives_json()
    {
        var (code, output, _) = Run(VerifyCommand.Create(), FilePath, "--json", "--no-progress");
        var result = JsonDocument.Parse(output).RootElement;
        Assert.Equal((0, "good", 5), (code, result.GetProperty("verdict").GetString(), result.GetProperty("sequences").GetInt32()));
    }

    [Fact]
    public async Task Verify_says_damaged_with_exit_code_1_and_names_the_sequence()
    {
        await Close();
        var bytes = File.ReadAllBytes(FilePath);
        bytes[4096 + 150] ^= 1;
        File.WriteAllBytes(FilePath, bytes);

        var (code, output, _) = Run(VerifyCommand.Create(), FilePath);

        Assert.Equal(1, code);
        Assert.Contains("DAMAGED", output);
        Assert.Contains("sequence 1: its bytes do not have its hash", output);
    }

    [Fact]
    public async Task Verify_says_torn_with_exit_code_3()
    {
        await Close();
        File.Delete(Path.ChangeExtension(FilePath, ".turn"));
        var bytes = File.ReadAllBytes(FilePath);
        var end = Array.FindLastIndex(bytes, value => value != 0);
        File.WriteAllBytes(FilePath, bytes[..(end - 40)]);

        var (code, output, _) = Run(VerifyCommand.Create(), FilePath);

        Assert.Equal(3, code);
        Assert.Contains("is good up to sequence 4, and ends in an unfinished batch", output);
    }

    /// <summary>Who has copied the journal alone must not be shown what is before the damage as if it were all.</summary>
    [Theory, InlineData("show"), InlineData("export")]
    public async Task A_damaged_copy_without_its_turn_file_gives_exit_code_1(string name)
    {
        await Close();
        var bytes = File.ReadAllBytes(FilePath);
        bytes[4096 + 150] ^= 1;
        var copy = Path.Combine(_directory.FullName, "copy.rush");
        File.WriteAllBytes(copy, bytes);

        var (code, output, error) = Run(name == "show" ? ShowCommand.Create() : ExportCommand.Create(), copy);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains("is damaged at sequence 1", error);
    }

    [Fact]
    public async Task An_unfinished_end_is_said_beside_what_is_exported()
    {
        await Close();
        var bytes = File.ReadAllBytes(FilePath);
        var copy = Path.Combine(_directory.FullName, "copy.rush");
        File.WriteAllBytes(copy, bytes[..(Array.FindLastIndex(bytes, value => value != 0) - 40)]);

        var (code, output, error) = Run(ExportCommand.Create(), copy);
        Assert.Equal(0, code);
        Assert.Equal(2, output.TrimEnd().Split("\r\n").Length);
        Assert.Contains("never acknowledged", error);
    }

    [Theory, InlineData("show"), InlineData("verify"), InlineData("export")]
    public void What_is_no_journal_or_is_not_there_gives_exit_code_2(string name)
    {
        System.CommandLine.Command command = name switch { "show" => ShowCommand.Create(), "verify" => VerifyCommand.Create(), _ =>
            ExportCommand.Create() };
        var other = Path.Combine(_directory.FullName, "notes.txt");
        File.WriteAllText(other, "notes");
        foreach (var path in new[] { other, other + ".missing", _directory.FullName })
        {
            var (code, output, error) = Run(command, path);
            Assert.Equal((2, ""), (code, output));
            Assert.Contains(path, error);
        }
    }

    [Fact]
    public void Show_gives_a_summary()
    {
        var (code, output, _) = Run(ShowCommand.Create(), FilePath);
        Assert.Equal(0, code);
        Assert.Contains("sale       night, open", output);
        Assert.Contains("orders     1, 3 tickets, 1 of them refunded (4500 EUR)", output);
        Assert.Contains($"hash       {_sequencer.Snapshot!.Hash}", output);
    }

    [Fact]
    public void Show_gives_the_summary_as_json()
    {
        var (_, output, _) = Run(ShowCommand.Create(), FilePath, "--json");
        var result = JsonDocument.Parse(output).RootElement;
        Assert.Equal(("open", 5, 85), (result.GetProperty("state").GetString(), result.GetProperty("sequence").GetInt32(),
            result.GetProperty("pools")[0].GetProperty("free").GetInt32()));
    }

    [Fact]
    public void Show_from_a_sequence_gives_the_entries_from_there()
    {
        var (_, output, _) = Run(ShowCommand.Create(), FilePath, "--from", "4");
        var lines = output.TrimEnd().Split(Environment.NewLine);
        Assert.Equal(2, lines.Length);
        Assert.Matches(@"^ +4 \S+Z Held adult:2 child:1, until \S+Z, amount 11000$", lines[0]);
        Assert.Matches(@"^ +5 \S+Z Refunded of 3, adult:2 child:1, tickets 2, amount 4500, on sale again, .*ill-really.*$", lines[1]);
    }

    [Fact]
    public async Task Show_follows_until_it_is_told_to_stop_and_exits_with_0()
    {
        using var stop = new CancellationTokenSource();
        var output = new StringWriter();
        var running = ShowCommand.Create().Parse([FilePath, "--follow", "--from", "5", "--json"])
            .InvokeAsync(new() { Output = TextWriter.Synchronized(output), Error = new StringWriter() }, stop.Token);
        for (ulong i = 1; i <= 3; i++) Ask(Places(CommandKind.Purchase, i << 60 | 5));
        await Until(() => output.ToString().Contains("\"sequence\":8"));
        await stop.CancelAsync();

        Assert.Equal(0, await running);
        var sequences = output.ToString().TrimEnd().Split('\n')
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("sequence").GetInt32());
        Assert.Equal([5, 6, 7, 8], sequences);
    }

    [Fact]
    public void Export_gives_orders_as_csv()
    {
        var (code, output, _) = Run(ExportCommand.Create(), FilePath);
        var rows = output.Split("\r\n");
        Assert.Equal(0, code);
        Assert.Equal("order,time,placed,first_ticket,tickets,tiers,amount,currency,late,refunded_tickets,refunded_amount,by,from,to,seats",
            rows[0]);
        Assert.Matches(@"^3,\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z,3,1,3,adult:2 child:1,11000,EUR,false,1,4500,,,,$", rows[1]);
        Assert.Equal(("", 3), (rows[2], rows.Length));
    }

    [Fact]
    public void Export_gives_tickets_as_csv_into_a_file()
    {
        var target = Path.Combine(_directory.FullName, "tickets.csv");
        var (code, output, _) = Run(ExportCommand.Create(), FilePath, "--tickets", "--output", target);
        Assert.Equal((0, ""), (code, output));

        var rows = File.ReadAllText(target).Split("\r\n");
        Assert.Equal("ticket,order,order_time,tier,price,currency,state,refunded,refunded_time,refund_reason,by,refunded_by,from,to,seat",
            rows[0]);
        Assert.Matches(@"^1,3,\S+Z,adult,4500,EUR,valid,,,,,,,,$", rows[1]);
        Assert.Matches(@"^2,3,\S+Z,adult,4500,EUR,refunded,5,\S+Z,ill-really,,,,,$", rows[2]);
        Assert.Matches(@"^3,3,\S+Z,child,2000,EUR,valid,,,,,,,,$", rows[3]);
    }

    [Fact]
    public void Export_never_replaces_a_journal()
    {
        Assert.NotEmpty(ExportCommand.Create().Parse([FilePath, "--output", FilePath]).Errors);
        Assert.NotEmpty(ExportCommand.Create().Parse([FilePath, "--orders", "--tickets"]).Errors);
    }

    [Fact]
    public void Nothing_that_is_shown_holds_an_id_or_a_buyer()
    {
        var all = Run(ShowCommand.Create(), FilePath, "--from", "1").Output + Run(ShowCommand.Create(), FilePath, "--from", "1", "--json")
            .Output
            + Run(ExportCommand.Create(), FilePath).Output + Run(ExportCommand.Create(), FilePath, "--tickets").Output
            + Run(VerifyCommand.Create(), FilePath, "--json").Output;
        foreach (var secret in new[] { 0xaaaa_bbbb_cccc_ddddUL, 0xaaaa_bbbb_cccc_eeeeUL })
        {
            Assert.DoesNotContain($"{secret}", all);
            Assert.DoesNotContain($"{secret:x}", all, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Theory, InlineData("show"), InlineData("verify"), InlineData("export")]
    public void Help_has_an_example(string name)
    {
        var root = new RootCommand { ShowCommand.Create(), VerifyCommand.Create(), ExportCommand.Create() };
        var (code, output, _) = Run(root, name, "--help");
        Assert.Equal(0, code);
        Assert.Contains($"Example: rush {name} ", output);
    }

    private static (int Code, string Output, string Error) Run(System.CommandLine.Command command, params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = command.Parse(arguments).Invoke(new() { Output = output, Error = error });
        return (code, output.ToString(), error.ToString());
    }

    private async ValueTask Close()
    {
        if (_isClosed) return;
        _isClosed = true;
        await _sequencer.DisposeAsync();
    }

    private static async Task Until(Func<bool> condition)
    {
        for (var i = 0; i < 1000 && !condition(); i++) await Task.Delay(10);
        Assert.True(condition());
    }

    private Engine.Command Places(CommandKind kind, ulong id)
    {
        var command = new Engine.Command { Kind = kind, Hold = new(id), Buyer = new(id), Reference = new(id),
            Plan = _sequencer.Snapshot!.Plan };
        command.Lines.TryAdd(0, 2);
        command.Lines.TryAdd(1, 1);
        return command;
    }

    private void Ask(Engine.Command command) =>
        Assert.Equal(Outcome.Done, _sequencer.SubmitAsync(new() { Command = command }).AsTask().Result);
}
