using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;
using TicketRush.Server.Terminals;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>What terminals are answered: the same decisions, ids and codes as over HTTP.</summary>
public sealed partial class CommandTests(TerminalServer running) : IClassFixture<TerminalServer>
{
    private RunningServer Server => running.Server;

    [Fact]
    public async Task A_hold_is_extended_paid_found_and_refunded()
    {
        var sale = await OpenAsync();
        await using var terminal = await Terminal.ConnectAsync(Server);
        var id = Plans.NewId();
        var held = await terminal.AskArrayAsync("HOLD", sale, id, "ann", "floor", "2");
        Assert.Equal(("held", 0L, 76000L), (held[0], held[4], held[5]));
        var bare = id.Replace("-", "", StringComparison.Ordinal).ToUpperInvariant();
        Assert.Equal(held, await terminal.AskArrayAsync("hold", sale, bare, "ann", "floor", "2"));
        var extended = await terminal.AskArrayAsync("EXTEND", sale, id, "more-1");
        Assert.Equal(1L, extended[4]);
        Assert.True((long)extended[3]! > (long)held[3]!);
        Assert.Equal(extended, await terminal.AskArrayAsync("EXTEND", sale, id, "more-1"));
        var paid = await terminal.AskArrayAsync("PAY", sale, id, "bank-1");
        Assert.Equal(("paid", 1L, 2L, 76000L), (paid[0], paid[3], paid[4], paid[5]));
        Assert.Equal(paid, await terminal.AskArrayAsync("ORDER", sale, id));
        var refunded = await terminal.AskArrayAsync("REFUND", sale, id, "r1", "cannot-come", "RESELL", "TICKETS", "2");
        Assert.Equal(("refunded", 38000L), (refunded[0], refunded[3]));
        Assert.Equal([2L], (object?[])refunded[4]!);
        var order = await terminal.AskArrayAsync("ORDER", sale, id);
        Assert.Equal("partly-refunded", order[0]);
        Assert.Equal("refunded", ((object?[])order[7]!)[0]);
        Assert.Equal([2L], (object?[])((object?[])order[7]!)[1]!);

        // The receipt is the journal's, and HTTP says the same of it.
        var seen = (await Server.GetAsync($"/api/sales/{sale}/orders/{id}")).Is(200);
        Assert.Equal((seen.Sequence, seen.Hash), ((long)order[1]!, (string)order[6]!));
    }

    [Fact]
    public async Task A_purchase_is_one_command_and_asking_twice_is_asking_once()
    {
        var sale = await OpenAsync();
        await using var terminal = await Terminal.ConnectAsync(Server);
        var id = Plans.NewId();
        var bought = await terminal.AskArrayAsync("BUY", sale, id, "ann", "floor", "2", "REFERENCE", "cash-1");
        Assert.Equal("paid", bought[0]);
        Assert.Equal(bought, await terminal.AskArrayAsync("BUY", sale, id, "ann", "floor", "2", "REFERENCE", "cash-1"));
        await terminal.AskRefusedAsync("ID_REUSED", "BUY", sale, id, "ann", "floor", "1", "REFERENCE", "cash-1");
        (await Server.PutAsync($"/api/sales/{sale}/orders/{id}", Plans.Order("ann", 2, "cash-1"))).Is(200);
        Assert.Equal(98L, await terminal.AskAsync("AVAILABLE", sale, "floor"));
    }

    [Fact]
    public async Task A_released_hold_is_free_again()
    {
        var sale = await OpenAsync();
        await using var terminal = await Terminal.ConnectAsync(Server);
        var id = Plans.NewId();
        await terminal.AskArrayAsync("HOLD", sale, id, "ann", "floor", "3");
        Assert.Equal(97L, await terminal.AskAsync("AVAILABLE", sale, "floor"));
        Assert.Equal("released", (await terminal.AskArrayAsync("RELEASE", sale, id))[0]);
        Assert.Equal(100L, await terminal.AskAsync("AVAILABLE", sale, "floor"));
        await terminal.AskRefusedAsync("HOLD_RELEASED", "EXTEND", sale, id, "k");
        await terminal.AskRefusedAsync("HOLD_RELEASED", "PAY", sale, id, "b");
    }

    [Fact]
    public async Task What_is_on_sale_is_told()
    {
        var sale = await OpenAsync();
        await using var terminal = await Terminal.ConnectAsync(Server);
        var listed = (await terminal.AskArrayAsync("SALES")).Cast<object?[]>().Single(row => (string)row[0]! == sale);
        Assert.Equal(["open", 3L, "Concert", "CNY"], listed[1..]);
        var available = await terminal.AskArrayAsync("AVAILABLE", sale);
        Assert.Equal(("open", 3L), (available[0], available[1]));
        Assert.Equal(["floor", 100L, "balcony", 50L], (object?[])available[4]!);
        Assert.Contains($"sale_{sale}:state=open,sequence=3", (string)(await terminal.AskAsync("INFO"))!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Seats_are_named_or_given_and_told()
    {
        var sale = await OpenAsync("""
            {"name":"Hall","timeZone":"UTC","currency":"EUR","paymentKind":"none",
             "pools":[{"id":"stalls","rows":[{"rows":"1-5","seats":"1-10"}]}],
             "tiers":[{"id":"stalls","name":"Stalls","pool":"stalls","price":100}]}
            """);
        await using var terminal = await Terminal.ConnectAsync(Server);
        var named = await terminal.AskArrayAsync("BUY", sale, Plans.NewId(), "ann", "stalls", "2", "SEATS", "2-4", "2-5");
        Assert.Equal(["2-4", "2-5"], (object?[])((object?[])named[7]!)[1]!);
        await terminal.AskRefusedAsync("SEAT_TAKEN", "HOLD", sale, Plans.NewId(), "bob", "stalls", "1", "SEATS", "2-4");
        await terminal.AskRefusedAsync("UNKNOWN_SEAT", "HOLD", sale, Plans.NewId(), "bob", "stalls", "1", "SEATS", "9-9");
        await terminal.AskRefusedAsync("INVALID_REQUEST", "HOLD", sale, Plans.NewId(), "bob", "stalls", "2", "SEATS", "1-1");
        var given = await terminal.AskArrayAsync("HOLD", sale, Plans.NewId(), "bob", "stalls", "3", "APART");
        Assert.Equal(3, ((object?[])((object?[])given[7]!)[1]!).Length);
    }

    [Fact]
    public async Task Journeys_have_stops_and_a_seat_is_sold_on_every_leg()
    {
        var sale = await OpenAsync("""
            {"name":"Train","timeZone":"UTC","currency":"EUR","paymentKind":"none",
             "stops":[{"id":"a","name":"A"},{"id":"b","name":"B"},{"id":"c","name":"C"}],
             "pools":[{"id":"coach","travel":"seat-now","rows":[{"section":"1","rows":"1","seats":"A"}]}],
             "tiers":[{"id":"second","name":"Second","pool":"coach","legPrices":[100,200]}],"rules":{"passengers":true}}
            """);
        await using var terminal = await Terminal.ConnectAsync(Server);
        Assert.Equal(1L, await terminal.AskAsync("AVAILABLE", sale, "second", "FROM", "a", "TO", "b"));
        var first = await terminal.AskArrayAsync([.. Wish("ann"), "PASSENGERS", "P1", "FROM", "a", "TO", "b"]);
        Assert.Equal(["seats", "from", "a", "to", "b"], ((object?[])first[7]!).Where(item => item is string));
        Assert.Equal(0L, await terminal.AskAsync("AVAILABLE", sale, "second", "FROM", "a", "TO", "b"));
        var second = await terminal.AskArrayAsync([.. Wish("bob"), "FROM", "b", "TO", "c", "PASSENGERS", "P2"]);
        Assert.Equal(200L, second[5]);
        await terminal.AskRefusedAsync("SOLD_OUT", [.. Wish("cat"), "FROM", "a", "TO", "c", "PASSENGERS", "P3"]);
        await terminal.AskRefusedAsync("UNKNOWN_STOP", [.. Wish("cat"), "FROM", "a", "TO", "x", "PASSENGERS", "P3"]);
        await terminal.AskRefusedAsync("BAD_JOURNEY", [.. Wish("cat"), "PASSENGERS", "P3"]);
        await terminal.AskRefusedAsync("UNKNOWN_STOP", "AVAILABLE", sale, "second", "FROM", "x", "TO", "c");
        await terminal.AskRefusedAsync("BAD_JOURNEY", "AVAILABLE", sale, "second", "FROM", "c", "TO", "a");

        string[] Wish(string buyer) => ["BUY", sale, Plans.NewId(), buyer, "second", "1"];
    }

    // Each with the code that HTTP has for it.
    [Theory]
    [InlineData("UNKNOWN_SALE", "BUY", "no-such", "*", "ann", "floor", "1")]
    [InlineData("UNKNOWN_SALE", "BUY", "../x", "*", "ann", "floor", "1")]
    [InlineData("UNKNOWN_SALE", "AVAILABLE", "no-such")]
    [InlineData("UNKNOWN_SALE", "WATCH", "no-such")]
    [InlineData("UNKNOWN_TIER", "BUY", "SALE", "*", "ann", "gallery", "1", "REFERENCE", "r")]
    [InlineData("UNKNOWN_TIER", "AVAILABLE", "SALE", "gallery")]
    [InlineData("INVALID_ID", "BUY", "SALE", "not-a-uuid", "ann", "floor", "1")]
    [InlineData("INVALID_ID", "BUY", "SALE", "6f1c0c5e-5f0a-4d0e-9a52-8d2f3f6f4b1", "ann", "floor", "1")]
    [InlineData("INVALID_ID", "BUY", "SALE", "{6f1c0c5e-5f0a-4d0e-9a52-8d2f3f6f4}", "ann", "floor", "1")]
    [InlineData("INVALID_ID", "BUY", "SALE", "6f1c0c5e+5f0a+4d0e+9a52+8d2f3f6f4b11", "ann", "floor", "1")]
    [InlineData("INVALID_REQUEST", "BUY", "SALE", "*", "", "floor", "1")]
    [InlineData("INVALID_REQUEST", "BUY", "SALE", "*", "ann", "floor", "0")]
    [InlineData("INVALID_REQUEST", "BUY", "SALE", "*", "ann", "floor", "-1")]
    [InlineData("INVALID_REQUEST", "BUY", "SALE", "*", "ann", "floor", "1.0")]
    [InlineData("INVALID_REQUEST", "BUY", "SALE", "*", "ann", "floor", "9999999999")]
    [InlineData("INVALID_REQUEST", "BUY", "SALE", "*", "ann", "floor", "1")]
    [InlineData("INVALID_REQUEST", "BUY", "SALE", "*", "ann", "floor", "1", "REFERENCE")]
    [InlineData("INVALID_REQUEST", "HOLD", "SALE", "*", "ann", "floor", "1", "REFERENCE", "r")]
    [InlineData("INVALID_REQUEST", "HOLD", "SALE", "*", "ann", "floor", "1", "SEATS")]
    [InlineData("INVALID_REQUEST", "HOLD", "SALE", "*", "ann", "floor", "1", "FROM", "a")]
    [InlineData("INVALID_REQUEST", "HOLD", "SALE", "*", "ann", "floor", "1", "APART", "APART")]
    [InlineData("INVALID_REQUEST", "PAY", "SALE", "*")]
    [InlineData("INVALID_REQUEST", "REFUND", "SALE", "*", "k", "cannot-come", "SELL")]
    [InlineData("INVALID_REQUEST", "REFUND", "SALE", "*", "k", "cannot-come", "RESELL", "TICKETS")]
    [InlineData("REASON_INVALID", "REFUND", "SALE", "*", "k", "Ann is ill", "RESELL")]
    [InlineData("UNKNOWN_ORDER", "REFUND", "SALE", "*", "k", "cannot-come", "RESELL")]
    [InlineData("UNKNOWN_ORDER", "ORDER", "SALE", "*")]
    [InlineData("UNKNOWN_HOLD", "EXTEND", "SALE", "*", "k")]
    [InlineData("UNKNOWN_HOLD", "RELEASE", "SALE", "*")]
    [InlineData("UNKNOWN_HOLD", "PAY", "SALE", "*", "r")]
    [InlineData("ORDER_LIMIT", "HOLD", "SALE", "*", "ann", "floor", "7")]
    [InlineData("INVALID_REQUEST", "BUY", "SALE")]
    [InlineData("INVALID_REQUEST", "SALES", "x")]
    [InlineData("INVALID_REQUEST", "WATCH", "SALE", "AFTER", "999")]
    [InlineData("INVALID_REQUEST", "WATCH", "SALE", "SINCE", "1")]
    [InlineData("UNKNOWN_COMMAND", "SET", "a", "b")]
    [InlineData("UNKNOWN_COMMAND", "")]
    [InlineData("NOPROTO", "HELLO", "4")]
    public async Task What_is_wrong_is_told_and_the_connection_goes_on(string code, params string[] words)
    {
        var sale = await OpenAsync();
        await using var terminal = await Terminal.ConnectAsync(Server);
        await terminal.AskRefusedAsync(code, [.. words.Select(word => word switch { "SALE" => sale, "*" => Plans.NewId(), _ => word })]);
        Assert.Equal("PONG", await terminal.AskAsync("PING"));
        Assert.Equal(100L, await terminal.AskAsync("AVAILABLE", sale, "floor"));
    }

    [Fact]
    public async Task A_refused_payment_is_told_with_its_place_in_the_journal()
    {
        var sale = await OpenAsync();
        await using var terminal = await Terminal.ConnectAsync(Server);
        var id = Plans.NewId();
        await terminal.AskArrayAsync("BUY", sale, id, "ann", "floor", "2", "REFERENCE", "b1");
        var error = await terminal.AskRefusedAsync("ALREADY_PAID", "PAY", sale, id, "b2");
        Assert.Contains("Sequence 5, owed back 76000.", error.Detail, StringComparison.Ordinal);
        Assert.Equal(error, await terminal.AskRefusedAsync("ALREADY_PAID", "PAY", sale, id, "b2"));
    }

    [Fact]
    public async Task Names_are_those_that_HTTP_has_and_no_others()
    {
        var sale = await OpenAsync();
        await using var terminal = await Terminal.ConnectAsync(Server);
        await terminal.AskArrayAsync("HOLD", sale, Plans.NewId(), "安娜", "floor", "6");
        (await Server.PutAsync($"/api/sales/{sale}/holds/{Plans.NewId()}", Plans.Hold("安娜", 1))).Is(409, "BUYER_LIMIT");

        // A byte that no text has begins the names of browsers.
        byte[] frame =
        [
            .. Encoding.ASCII.GetBytes($"*6\r\n$4\r\nHOLD\r\n${sale.Length}\r\n{sale}\r\n$36\r\n{Plans.NewId()}\r\n$2\r\n"),
            0xff, 0x61, .. "\r\n$5\r\nfloor\r\n$1\r\n1\r\n"u8,
        ];
        await terminal.SendAsync(frame);
        Assert.Equal("INVALID_REQUEST", Assert.IsType<RespError>(await terminal.ReadAsync()).Code);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(1_000)]
    public async Task A_pipeline_is_answered_in_order_whatever_its_depth(int depth)
    {
        var sale = await OpenAsync(Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 1_000_000));
        await using var terminal = await Terminal.ConnectAsync(Server);
        var all = new List<byte>();
        for (var i = 0; i < depth; i++) all.AddRange(Terminal.Frame("BUY", sale, Plans.NewId(), "ann", "floor", "1"));
        await terminal.SendAsync(all.ToArray());
        for (var i = 0; i < depth; i++)
        {
            var bought = Assert.IsType<object?[]>(await terminal.ReadAsync());
            Assert.Equal((4L + i, 1L + i), ((long)bought[1]!, (long)bought[3]!));
        }
    }

    [Fact]
    public async Task Commands_of_every_kind_between_purchases_see_what_stood_before_them()
    {
        var (one, other) = (await OpenAsync(), await OpenAsync());
        await using var terminal = await Terminal.ConnectAsync(Server);
        var all = new List<byte>();
        for (var i = 0; i < 20; i++)
        {
            all.AddRange(Terminal.Frame("BUY", one, Plans.NewId(), $"ann-{i}", "floor", "1", "REFERENCE", "r"));
            all.AddRange(Terminal.Frame("AVAILABLE", one, "floor"));
            all.AddRange(Terminal.Frame("HOLD", other, Plans.NewId(), $"bob-{i}", "floor", "2"));
            all.AddRange(Terminal.Frame("PING", $"{i}"));
            all.AddRange(Terminal.Frame("BUY", one, "no id", "ann", "floor", "1"));
            all.AddRange(Terminal.Frame("AVAILABLE", other, "floor"));
        }

        await terminal.SendAsync(all.ToArray());
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("paid", ((object?[])(await terminal.ReadAsync())!)[0]);
            Assert.Equal(99L - i, await terminal.ReadAsync());
            Assert.Equal("held", ((object?[])(await terminal.ReadAsync())!)[0]);
            Assert.Equal($"{i}", await terminal.ReadAsync());
            Assert.Equal("INVALID_ID", Assert.IsType<RespError>(await terminal.ReadAsync()).Code);
            Assert.Equal(98L - 2 * i, await terminal.ReadAsync());
        }
    }

    [Fact]
    public async Task Only_what_a_role_may_is_done()
    {
        var sale = await OpenAsync();
        var ring = Server.App.Services.GetRequiredService<KeyRing>();
        var id = Plans.NewId();
        foreach (var role in Enum.GetValues<Role>().Where(role => role != Role.None))
        {
            var (key, secret) = ring.Add($"walk-{role.Name()}", role);
            await using var terminal = await Terminal.ConnectAsync(Server, secret, key.Id);
            foreach (var command in TerminalCommand.All)
            {
                if (command.Verb is TerminalVerb.Quit or TerminalVerb.Auth or TerminalVerb.Hello) continue;
                string[] words = command.Verb switch
                {
                    TerminalVerb.Buy or TerminalVerb.Hold => [command.Name, sale, Plans.NewId(), "ann", "floor", "1"],
                    TerminalVerb.Refund => [command.Name, sale, id, "k", "cannot-come", "BLOCK"],
                    TerminalVerb.Extend => [command.Name, sale, id, "k"],
                    TerminalVerb.Pay or TerminalVerb.Release or TerminalVerb.Order => [command.Name, sale, id],
                    TerminalVerb.Watch or TerminalVerb.Unwatch or TerminalVerb.Available => [command.Name, sale],
                    TerminalVerb.Client => [command.Name, "ID"],
                    TerminalVerb.Echo => [command.Name, "x"],
                    _ => [command.Name],
                };
                var code = (await terminal.AskAsync(words) as RespError)?.Code;
                Assert.True(role.May(command.Permission) == (code != "FORBIDDEN"), $"{role} {command.Name}: {code}");
            }
        }
    }

    [Fact]
    public async Task A_shop_sees_its_own_orders_and_nobody_elses()
    {
        var sale = await OpenAsync();
        var ring = Server.App.Services.GetRequiredService<KeyRing>();
        var (one, other) = (ring.Add("terminal-shop-1", Role.Shop), ring.Add("terminal-shop-2", Role.Shop));
        await using var first = await Terminal.ConnectAsync(Server, one.Secret, one.Key.Id);
        await using var second = await Terminal.ConnectAsync(Server, other.Secret, other.Key.Id);
        var id = Plans.NewId();
        await first.AskArrayAsync("BUY", sale, id, "ann", "floor", "1", "REFERENCE", "r");
        await first.AskArrayAsync("ORDER", sale, id);
        await second.AskRefusedAsync("UNKNOWN_ORDER", "ORDER", sale, id);
        await second.AskRefusedAsync("ID_REUSED", "BUY", sale, id, "ann", "floor", "1", "REFERENCE", "r");
    }

    [Fact]
    public async Task What_clients_of_that_protocol_say_first_is_understood()
    {
        await using var terminal = await Terminal.ConnectAsync(Server);
        Assert.Equal("OK", await terminal.AskAsync("CLIENT", "SETNAME", "desk-1"));
        Assert.Equal("desk-1", await terminal.AskAsync("CLIENT", "GETNAME"));
        Assert.Equal("OK", await terminal.AskAsync("CLIENT", "SETINFO", "LIB-NAME", "x"));
        Assert.Equal((long)TerminalCommand.All.Length, await terminal.AskAsync("COMMAND", "COUNT"));
        Assert.Equal(TerminalCommand.All.Length, (await terminal.AskArrayAsync("COMMAND")).Length);
        Assert.Equal(2 * TerminalCommand.All.Length, (await terminal.AskArrayAsync("COMMAND", "DOCS")).Length);
        Assert.Contains("loading:0", (string)(await terminal.AskAsync("INFO"))!, StringComparison.Ordinal);
        Assert.Equal("OK", await terminal.AskAsync("QUIT"));
        Assert.Equal("", await terminal.ReadToEndAsync());
    }

    [Fact]
    public async Task A_malformed_frame_ends_its_connection_after_what_stood_before_it_and_no_other()
    {
        var sale = await OpenAsync();
        await using var other = await Terminal.ConnectAsync(Server);
        await using var terminal = await Terminal.ConnectAsync(Server);
        await terminal.SendAsync((byte[])[.. Hold(), .. "*1\r\n:4\r\n"u8, .. Hold()]);
        Assert.Equal("held", ((object?[])(await terminal.ReadAsync())!)[0]);
        Assert.StartsWith("-PROTOCOL_ERROR", await terminal.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Equal(99L, await other.AskAsync("AVAILABLE", sale, "floor"));

        byte[] Hold() => Terminal.Frame("HOLD", sale, Plans.NewId(), "ann", "floor", "1");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("POST /x HTTP/1.1\r\n\r\nBUY spring 6f1c0c5e-5f0a-4d0e-9a52-8d2f3f6f4b11 ann floor 1\r\n")]
    public async Task Another_protocol_in_lines_is_shown_out(string text)
    {
        await using var terminal = await Terminal.ConnectAsync(Server);
        await terminal.SendAsync(text);
        var said = await terminal.ReadToEndAsync();
        Assert.StartsWith("-UNKNOWN_COMMAND", said, StringComparison.Ordinal);
        Assert.Equal(1, said.Count(letter => letter == '\n'));
    }

    [Fact]
    public async Task Who_is_idle_or_does_not_read_is_ended()
    {
        await using var server = await RunningServer.StartAsync(
            terminals: new() { IdleMax = TimeSpan.FromSeconds(1), SlowReaderMax = TimeSpan.FromSeconds(1), OutputMax = 8_192 });
        await using var idle = await Terminal.ConnectAsync(server);
        Assert.StartsWith("-IDLE_TIMEOUT", await idle.ReadToEndAsync(), StringComparison.Ordinal);

        // Asks for far more than all the buffers between hold, and reads nothing of it.
        await using var slow = await Terminal.ConnectAsync(server);
        var docs = Enumerable.Repeat(Terminal.Frame("COMMAND", "DOCS"), 1_000).SelectMany(frame => frame).ToArray();
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            for (var i = 0; i < 1_000; i++) await slow.SendAsync(docs);
        });
        var door = server.App.Services.GetRequiredService<TerminalServices>().Door;
        await Plans.UntilAsync(() => Task.FromResult(door.Inside == 0), "nobody is inside");
    }

    [Fact]
    public async Task A_server_that_stops_answers_what_is_under_way()
    {
        var server = await RunningServer.StartAsync(terminals: new());
        var sale = (await server.OpenSaleAsync(Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 1_000_000))).Split('/')[^1];
        var terminal = await Terminal.ConnectAsync(server);
        var quiet = await Terminal.ConnectAsync(server);
        var all = new List<byte>();
        for (var i = 0; i < 200; i++) all.AddRange(Terminal.Frame("BUY", sale, Plans.NewId(), "ann", "floor", "1"));
        await terminal.SendAsync(all.ToArray());
        var first = await terminal.ReadAsync();
        var stopping = server.App.StopAsync();
        var answers = first is object?[] ? 1 : 0;
        try
        {
            while (await terminal.ReadAsync() is object?[]) answers++;
        }
        catch (EndOfStreamException)
        {
            // Whole answers, then the end.
        }

        await stopping.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True(answers is > 0 and <= 200, $"{answers}");
        await quiet.DisposeAsync();
        await terminal.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public void The_documents_list_every_command_and_nothing_else()
    {
        // Cells of a table write a bar with a stroke before it, and may have several commands.
        var documents = File.ReadAllText(Path.Combine(DescriptionTests.Root(), "docs", "PROTOCOL.md"))
            .Replace("\\|", "|", StringComparison.Ordinal);
        foreach (var command in TerminalCommand.All)
            Assert.True(documents.Contains($"`{command.Usage}`", StringComparison.Ordinal), $"docs/PROTOCOL.md lacks `{command.Usage}`");
    }

    [Fact]
    public void Every_code_of_terminals_is_in_the_protocol_document_and_the_document_invents_none()
    {
        var used = Directory.GetFiles(Path.Combine(DescriptionTests.Root(), "src", "TicketRush.Server", "Terminals"), "*.cs")
            .SelectMany(file => CodePattern().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value)).ToHashSet();
        var document = File.ReadAllText(Path.Combine(DescriptionTests.Root(), "docs", "PROTOCOL.md"));
        var rows = RowPattern().Matches(document[document.IndexOf("## Codes of terminals alone", StringComparison.Ordinal)..]);
        var told = rows.SelectMany(row => row.Groups[1].Value.Split(", ")).Select(code => code.Trim('`')).ToHashSet();
        Assert.Equal("", string.Join(' ', used.Where(code => !document.Contains($"`{code}`", StringComparison.Ordinal))));
        Assert.Equal("", string.Join(' ', told.Except(used)));
        Assert.True(told.Count > 5, $"{told.Count}");
    }

    [GeneratedRegex("(?:new|Error)\\(\\s*\"([A-Z_]{4,})\"")]
    private static partial Regex CodePattern();

    [GeneratedRegex("^\\| ((?:`[A-Z_]+`(?:, )?)+) \\|", RegexOptions.Multiline)]
    private static partial Regex RowPattern();

    private async Task<string> OpenAsync(string? plan = null) => (await Server.OpenSaleAsync(plan)).Split('/')[^1];
}
