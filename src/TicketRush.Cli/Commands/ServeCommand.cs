using System.CommandLine;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using QRCoder;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server;
using TicketRush.Server.Access;
using TicketRush.Server.Board;
using TicketRush.Server.Terminals;
using TicketRush.Server.Upgrades;
using Command = System.CommandLine.Command;

namespace TicketRush.Cli.Commands;

internal static class ServeCommand
{
    private const string DemoSale = "demo";

    public static Command Create()
    {
        var (data, journal) = (Shared.Data(), Shared.Journal());
        var urls = new Option<string[]>("--urls")
        {
            Description = "Where to listen, such as http://127.0.0.1:8080; port 0 takes a free one. Several are separated by spaces.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [],
        };
        var lan = new Option<bool>("--lan")
        {
            Description = "Listen on all interfaces at port 8080, and show the address and a QR code for a phone.",
        };
        var terminals = new Option<string?>("--terminals")
        {
            Description = "Listen for terminals, in the protocol that Redis clients speak: 127.0.0.1:6380, *:6380, or tls:*:6380 with "
                + "the certificate of Kestrel__Certificates__Default__Path.",
            HelpName = "HOST:PORT",
        };
        var board = new Option<string?>("--board")
        {
            Description = "Send what is free as datagrams: to those who subscribe at this address, or to a multicast group such as "
                + "239.1.2.3:6381. See rush board.",
            HelpName = "HOST:PORT",
        };
        var boardLimits = new BoardLimits();
        var subscriptions = Number(
            "--board-subscriptions", "Subscriptions to the board at once, each an address and a sale.", boardLimits.Subscriptions);
        var networkSubscriptions = Number(
            "--board-network-subscriptions", "… of one IPv4 address or IPv6 /64.", boardLimits.SubscriptionsPerNetwork);
        var boardRate = Number(
            "--board-network-rate", "Datagrams a minute of one network that the board answers without a proof of their address.",
            boardLimits.RequestsPerMinute);
        var groupSales = Number("--board-sales", "Sales that are sent to a multicast group at the most.", boardLimits.GroupSales);
        var demo = new Option<bool>("--demo")
        {
            Description = $"Make and open a sale \"{DemoSale}\" to try things on, and allow test payments.",
        };
        var test = Shared.AllowTestPayments();
        var proxies = new Option<string[]>("--trusted-proxy")
        {
            Description = "Believe X-Forwarded-For and X-Forwarded-Proto from this network, such as 127.0.0.1/32. May be repeated; "
                + "nobody is believed without.",
            HelpName = "CIDR",
            DefaultValueFactory = _ => [],
        };
        var defaults = new BuyerLimits();
        var holds = Number("--session-holds", "Holds that a buyer without a key may have at once.", defaults.Holds);
        var networkHolds = Number(
            "--network-holds", "… that all such buyers of one IPv4 address or IPv6 /64 may have at once.", defaults.NetworkHolds);
        var wait = Number(
            "--lapse-wait", "Seconds that such a buyer waits after a hold ran out unpaid.", (int)defaults.WaitAfterLapse.TotalSeconds);
        var sessionRate = Number("--session-rate", "Requests a minute of such a buyer.", defaults.SessionPerMinute);
        var networkRate = Number(
            "--network-rate", "Requests a minute of all such buyers of one IPv4 address or IPv6 /64.", defaults.NetworkPerMinute);
        var newSessions = Number("--network-sessions", "New buyers a minute from one network.", defaults.NewSessionsPerMinute);
        var wrongKeys = Number(
            "--network-wrong-keys", "Wrong keys a minute from one network. Right ones are never turned away.", defaults.WrongKeysPerMinute);
        var watching = new ServerOptions { DataDirectory = "" };
        var viewers = Number("--viewers", "Who may watch sales live at once; 5,000 connections stay for others.", watching.ViewersMax);
        var networkViewers = Number("--network-viewers", "… from one network.", watching.ViewersPerNetwork);
        var terminalDefaults = new TerminalLimits();
        var terminalConnections = Number("--terminal-connections", "Connections of terminals at once.", terminalDefaults.Connections);
        var terminalStrangers = Number(
            "--terminal-strangers", "… that have not proved a key yet.", terminalDefaults.Strangers);
        var terminalNetworkStrangers = Number(
            "--terminal-network-strangers",
            "… from one IPv4 address or IPv6 /64; behind a proxy on this machine that ends TLS, all of them are one.",
            terminalDefaults.StrangersPerNetwork);
        var terminalKey = Number(
            "--terminal-key-connections", "Connections of terminals with keys of one name.", terminalDefaults.ConnectionsPerKey);
        var watches = Number("--terminal-watches", "Sales that terminals watch at once.", terminalDefaults.Watches);
        var keyWatches = Number("--terminal-key-watches", "… with keys of one name.", terminalDefaults.WatchesPerKey);
        var watchedHolds = Number(
            "--terminal-watched-holds", "Holds that all those watches together remember, at 40 bytes each.", terminalDefaults.WatchedHolds);
        var keyAgain = Number(
            "--staff-key-again",
            "Minutes after which staff in a browser show their key again to refund, exchange, or change a plan or keys; 0 for each time.",
            (int)watching.KeyAgainAfter.TotalMinutes);
        var logs = new Option<string>("--log-format")
        {
            Description = "text, or json: one object a line.",
            HelpName = "FORMAT",
            DefaultValueFactory = _ => "text",
        };
        logs.AcceptOnlyFromAmong("text", "json");
        var json = Shared.Json("Print one line of JSON when the server is ready.");
        var command = new Command(
            "serve",
            """
            Sells every sale of a data directory, or of a PostgreSQL database, over HTTP. Several servers may share either.

            The office key, needed for whatever changes something, is made and shown at the first start; the key itself is kept nowhere.
            RUSH_OFFICE_KEY sets another. Ctrl-C or SIGTERM answers what is under way, then ends. SIGUSR2, or rush upgrade, gives the place
            to a newer program in mid-sale.

            Buyers without a key may hold places and pay where nothing, or nothing real, is collected, within limits that are counted by
            each server process for itself and shown at start. Metrics go to OTEL_EXPORTER_OTLP_ENDPOINT, when that is set.

            Example: rush serve --demo
            """)
        {
            data, journal, urls, terminals, board, lan, demo, test, proxies, holds, networkHolds, wait, sessionRate, networkRate,
            newSessions, wrongKeys, viewers, networkViewers, terminalConnections, terminalStrangers, terminalNetworkStrangers,
            terminalKey, watches, keyWatches, watchedHolds, subscriptions, networkSubscriptions, boardRate, groupSales, keyAgain, logs,
            json,
        };
        terminals.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !TerminalEndpoint.TryParse(token.Value, out _))
                result.AddError($"--terminals takes an address and a port such as 127.0.0.1:6380, not {token.Value}.");
        });
        board.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !BoardEndpoint.TryParse(token.Value, out _))
                result.AddError($"--board takes an address and a port such as 127.0.0.1:6381, not {token.Value}.");
        });
        proxies.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (!IPNetwork.TryParse(token.Value, out _))
                    result.AddError($"--trusted-proxy takes a network such as 127.0.0.1/32 or 10.0.0.0/8, not {token.Value}.");
            }
        });
        command.Validators.Add(result =>
        {
            if (result.GetValue(lan) && result.GetValue(urls) is { Length: > 0 })
                result.AddError("Either --lan or --urls, not both: --lan listens at port 8080 of all interfaces.");
        });
        command.SetAction((result, stop) => ServeAsync(
            new()
            {
                DataDirectory = Path.GetFullPath(result.GetRequiredValue(data)),
                Urls = result.GetRequiredValue(urls) is { Length: > 0 } given
                    ? given
                    : [result.GetValue(lan) ? "http://0.0.0.0:8080" : "http://127.0.0.1:8080"],
                Journal = result.GetValue(journal),
                Terminals = result.GetValue(terminals) is { } endpoint && TerminalEndpoint.TryParse(endpoint, out var parsed)
                    ? parsed
                    : null,
                TerminalLimits = new()
                {
                    Connections = result.GetValue(terminalConnections),
                    Strangers = result.GetValue(terminalStrangers),
                    StrangersPerNetwork = result.GetValue(terminalNetworkStrangers),
                    ConnectionsPerKey = result.GetValue(terminalKey),
                    Watches = result.GetValue(watches),
                    WatchesPerKey = result.GetValue(keyWatches),
                    WatchedHolds = result.GetValue(watchedHolds),
                },
                Board = result.GetValue(board) is { } boardEndpoint && BoardEndpoint.TryParse(boardEndpoint, out var boardParsed)
                    ? boardParsed
                    : null,
                BoardLimits = new()
                {
                    Subscriptions = result.GetValue(subscriptions),
                    SubscriptionsPerNetwork = result.GetValue(networkSubscriptions),
                    RequestsPerMinute = result.GetValue(boardRate),
                    GroupSales = result.GetValue(groupSales),
                },
                AllowTestPayments = result.GetValue(demo) || result.GetValue(test),
                Demo = result.GetValue(demo),
                JsonLogs = result.GetValue(logs) == "json",
                Limits = new()
                {
                    TrustedProxies = [.. result.GetRequiredValue(proxies).Select(text => IPNetwork.Parse(text))],
                    Holds = result.GetValue(holds),
                    NetworkHolds = result.GetValue(networkHolds),
                    WaitAfterLapse = TimeSpan.FromSeconds(result.GetValue(wait)),
                    SessionPerMinute = result.GetValue(sessionRate),
                    NetworkPerMinute = result.GetValue(networkRate),
                    NewSessionsPerMinute = result.GetValue(newSessions),
                    WrongKeysPerMinute = result.GetValue(wrongKeys),
                },
                ViewersMax = result.GetValue(viewers),
                ViewersPerNetwork = result.GetValue(networkViewers),
                KeyAgainAfter = TimeSpan.FromMinutes(result.GetValue(keyAgain)),
                OfficeKey = Environment.GetEnvironmentVariable("RUSH_OFFICE_KEY") is { Length: > 0 } key ? key : null,
            },
            result.GetValue(demo), result.GetValue(lan), result.GetValue(json), stop));
        return command;
    }

    private static Option<int> Number(string name, string description, int standard) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => standard,
    };

    private static async Task<int> ServeAsync(ServerOptions options, bool demo, bool lan, bool json, CancellationToken stop)
    {
        using var upgrade = Upgrade.Expect();
        WebApplication? app = null;
        try
        {
            app = RushServer.Build(options);
            if (demo) await MakeDemoAsync(app.Services.GetRequiredService<Sales>());
            await app.StartAsync(stop);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidDataException
            or FormatException or InvalidOperationException or SocketException or JournalRefusedException or NewerFormatException)
        {
            // A key that was made is shown now or never, also when the port is taken.
            if (app?.Services.GetRequiredService<KeyRing>().Made is { } made)
                Console.WriteLine($"office key   {made}\n(shown this once; the key itself is kept nowhere)");
            return Shared.Fail($"Cannot serve: {e.Message}");
        }

        var key = app.Services.GetRequiredService<KeyRing>().Made;
        var sales = app.Services.GetRequiredService<Sales>().All();
        var terminals = app.Services.GetService<TerminalListener>()?.Address;
        if (json)
        {
            var board = app.Services.GetService<BoardServer>()?.Address;
            var ready = new ReadyLine([.. app.Urls], options.DataDirectory, key, [.. sales.Select(sale => sale.Name)], terminals, board);
            Console.WriteLine(JsonSerializer.Serialize(ready, CliJson.Default.ReadyLine));
        }
        else
        {
            Welcome(app, options, app.Services.GetRequiredService<ISaleStore>().Name, key, sales, demo, lan);
        }

        upgrade.Allow(app, options.DataDirectory);
        await app.WaitForShutdownAsync(stop);

        // The sales end after the last request was answered, so that nothing in flight goes without an answer.
        await app.DisposeAsync();
        if (!json) Console.WriteLine("Everything that was asked has been answered. Goodbye.");
        return 0;
    }

    private static void Welcome(
        WebApplication app, ServerOptions options, string store, string? key, IReadOnlyList<OpenSale> sales, bool demo, bool lan)
    {
        var url = app.Urls.First();
        Console.WriteLine($"TicketRush sells {sales.Count} sale{(sales.Count == 1 ? "" : "s")} from {store}");
        Console.WriteLine($"  listening    {string.Join(' ', app.Urls)}");
        if (app.Services.GetService<TerminalListener>() is { } terminals)
        {
            var bounds = options.TerminalLimits;
            Console.WriteLine($"  terminals    {terminals.Address}");
            Console.WriteLine($"               {bounds.Connections} connections, {bounds.ConnectionsPerKey} of a key; {bounds.Strangers} "
                + $"strangers, {bounds.StrangersPerNetwork} of a network; {bounds.Watches} watches, {bounds.WatchesPerKey} of a key, "
                + $"of {bounds.WatchedHolds} holds");
        }

        if (app.Services.GetService<BoardServer>() is { } board)
        {
            var bounds = options.BoardLimits;
            Console.WriteLine($"  board        {board.Address}; " + (options.Board!.IsMulticast
                ? $"{bounds.GroupSales} sales"
                : $"{bounds.Subscriptions} subscriptions; of a network {bounds.SubscriptionsPerNetwork}, "
                    + $"and {bounds.RequestsPerMinute} requests a minute without a proof"));
        }

        if (key is not null) Console.WriteLine($"  office key   {key}\n               (shown this once; the key itself is kept nowhere)");
        var limits = options.Limits;
        Console.WriteLine($"  buyers       {limits.Holds} holds each, {limits.WaitAfterLapse.TotalSeconds:0} s wait after one lapsed, "
            + $"{limits.SessionPerMinute} requests a minute");
        Console.WriteLine($"  a network    {limits.NetworkHolds} holds; {limits.NetworkPerMinute} requests, "
            + $"{limits.NewSessionsPerMinute} new buyers, {limits.WrongKeysPerMinute} wrong keys a minute; "
            + $"{options.ViewersPerNetwork} viewers");
        Console.WriteLine($"  all          {options.ViewersMax} viewers, {options.ConnectionsMax} connections; {limits.RememberedMax} "
            + "sessions and networks are remembered");
        Console.WriteLine($"  staff        {(options.KeyAgainAfter == TimeSpan.Zero ? "show their key for each refund and change"
            : $"show their key again after {options.KeyAgainAfter.TotalMinutes:0} minutes, to refund and change")}");
        Console.WriteLine(
            $"  proxies      {(limits.TrustedProxies.Length == 0 ? "none is trusted" : string.Join(' ', limits.TrustedProxies))}");
        if (RuntimeFloor.Warning(Environment.Version) is { } warning) Console.WriteLine($"  OLD RUNTIME  {warning}");
        if (options.AllowTestPayments)
            Console.WriteLine("  TEST PAYMENTS are allowed: in sales with paymentKind test, anybody may pay with nothing.");
        foreach (var sale in sales.Where(sale => sale.Status.Kind == SequencerStatusKind.Stopped))
            Console.WriteLine($"  STOPPED      {sale.Name}: {sale.Status.Reason}");

        if (lan) ShowLan(url);
        if (!demo) return;

        var bearer = key ?? (options.OfficeKey is not null ? "$RUSH_OFFICE_KEY" : "THE-OFFICE-KEY");
        if (key is null && options.OfficeKey is null)
            Console.WriteLine("  office key   was shown at the first start; rush keys add NAME --role office makes another");
        Console.WriteLine($$"""

            Look at what is left (查票), then buy (抢票):

              curl {{url}}/api/sales/{{DemoSale}}/availability
              curl -X PUT {{url}}/api/sales/{{DemoSale}}/orders/{{Guid.NewGuid()}} \
                -H "Authorization: Bearer {{bearer}}" -H 'Content-Type: application/json' \
                -d '{"buyer":"ann","items":[{"tier":"standing","quantity":2}]}'

            The same line again gives the same answer, and sells nothing twice; another id is another order.

            """);
    }

    private static void ShowLan(string url)
    {
        var address = NetworkInterface.GetAllNetworkInterfaces()
            .Where(network =>
                network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .FirstOrDefault(candidate => candidate.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(candidate));
        if (address is null)
        {
            Console.WriteLine("  no network   there is no address that a phone could reach");
            return;
        }

        var lanUrl = $"http://{address}:{new Uri(url.Replace("0.0.0.0", "localhost", StringComparison.Ordinal)).Port}/";
        using var code = QRCodeGenerator.GenerateQrCode(lanUrl, QRCodeGenerator.ECCLevel.L);
        using var art = new AsciiQRCode(code);
        Console.WriteLine($"  on a phone   {lanUrl}\n\n{art.GetGraphicSmall()}");
    }

    private static async Task MakeDemoAsync(Sales sales)
    {
        if (sales.Find(DemoSale) is null)
        {
            sales.TryCreate(DemoSale, new()
            {
                Name = "Demo Concert 演示演唱会",
                Venue = "The Hall",
                StartsAt = "2027-04-18T19:30:00",
                TimeZone = "Asia/Shanghai",
                Currency = "CNY",
                PaymentKind = PaymentKind.Test,
                Pools = [new("floor", 500, 0), new("balcony", 200, 0)],
                Tiers =
                [
                    new("standing", "Standing 站票", "floor", 38000),
                    new("child", "Standing, child 儿童站票", "floor", 19000),
                    new("balcony", "Balcony 看台", "balcony", 58000),
                ],
                Rules = new(HoldSeconds: 600, Extensions: 1, PerOrder: 6, PerBuyer: 6),
            });
        }

        // A demo that was closed or paused stays so.
        if (sales.Find(DemoSale) is { Sequencer: { Snapshot.State: SaleState.Draft } sequencer })
            await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
    }
}
