using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;
using TicketRush.Server.Terminals;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>
/// What docs/PROTOCOL.md shows of terminals is what happens. Goal: no line of a transcript is made up or out of date. Method: every command
/// in them is asked of a real server, in order, what it answers is written as <c>redis-cli</c> writes it, and the two are compared, but for
/// times, hashes, nonces and numbers of connections. <c>RUSH_TRANSCRIPTS=write</c> writes them into the document instead.
/// </summary>
public sealed partial class TranscriptTests
{
    private const string Prompt = "127.0.0.1:6380> ", Program = "$ redis-cli -p 6380";

    private static readonly string Document = Path.Combine(DescriptionTests.Root(), "docs", "PROTOCOL.md");

    [Fact]
    public async Task Every_transcript_of_the_document_is_what_a_server_answers()
    {
        await using var server = await RunningServer.StartAsync(terminals: new());
        var (text, part) = Read();
        await OpenAsync(server, "spring", PlanPattern().Match(text, part).Groups[1].Value);
        var (asked, written) = (new HashSet<string>(), text[..part]);
        var at = part;
        foreach (Match block in BlockPattern().Matches(text, part))
        {
            var shown = block.Groups[1].Value;
            var isWatch = shown.StartsWith("WATCH ", StringComparison.Ordinal);
            if (!isWatch && !shown.StartsWith(Program, StringComparison.Ordinal)) continue;
            foreach (var (sale, sample) in new[] { ("hall", "hall-2000.json"), ("train", "train-16-coaches.json") })
            {
                if (!shown.Contains($" {sale} ", StringComparison.Ordinal)) continue;
                var path = Path.Combine(DescriptionTests.Root(), "samples", "plans", sample);
                await OpenAsync(server, sale, await File.ReadAllTextAsync(path));
            }

            // Who was connected before is counted in what INFO says.
            var door = server.App.Services.GetRequiredService<TerminalServices>().Door;
            await Plans.UntilAsync(() => Task.FromResult(door.Inside == 0), "nobody is connected");
            using var client = new Client(server.TerminalPort);
            var happened = isWatch ? await WatchAsync(client, shown, asked) : await AskAsync(client, shown, asked);
            if (Environment.GetEnvironmentVariable("RUSH_TRANSCRIPTS") != "write") Assert.Equal(Steady(shown), Steady(happened));
            written += text[at..block.Groups[1].Index] + happened;
            at = block.Groups[1].Index + shown.Length;
        }

        Assert.Equal("", string.Join(' ', TerminalCommand.All.Select(command => command.Name).Except(asked)));
        if (Environment.GetEnvironmentVariable("RUSH_TRANSCRIPTS") == "write") await File.WriteAllTextAsync(Document, written + text[at..]);
    }

    [Fact]
    [Trait("Foreign", "true")]
    public async Task Redis_cli_shows_the_same()
    {
        await using var server = await RunningServer.StartAsync(terminals: new());
        var (text, part) = Read();
        await OpenAsync(server, "spring", PlanPattern().Match(text, part).Groups[1].Value);
        var block = BlockPattern().Matches(text, part).First(match => match.Groups[1].Value.StartsWith(Program, StringComparison.Ordinal));
        var lines = block.Groups[1].Value.Split('\n')[1..];

        // To QUIT it says nothing, and when its machine is busy it says for how long it waited.
        var asked = lines.Where(line => line.StartsWith(Prompt, StringComparison.Ordinal)).Select(line => line[Prompt.Length..] + "\n");
        string[] words = ["-p", server.TerminalPort.ToString(CultureInfo.InvariantCulture), "-a", RunningServer.Key, "--no-raw"];
        var (_, said) = await ForeignTests.RunAsync("redis-cli", string.Concat(asked.SkipLast(1)), [.. words, "--no-auth-warning"]);
        var shown = said.Replace("\r", "", StringComparison.Ordinal).Split('\n').Where(line => !WaitedPattern().IsMatch(line));
        var expected = lines.Where(line => !line.StartsWith(Prompt, StringComparison.Ordinal)).SkipLast(2);
        Assert.Equal(Steady(string.Join('\n', expected)), Steady(string.Join('\n', shown).TrimEnd('\n')));
    }

    [Fact]
    public void What_varies_is_left_out_and_nothing_else()
    {
        Assert.Equal(Steady("3) (integer) 1795278013425"), Steady("3) (integer) 1799999999999"));
        Assert.Equal(Steady("7) \"id\"\n8) (integer) 20"), Steady("7) \"id\"\n8) (integer) 4"));
        Assert.NotEqual(Steady("3) (integer) 4"), Steady("3) (integer) 5"));
        Assert.NotEqual(Steady("1) \"held\""), Steady("1) \"paid\""));
        Assert.NotEqual(Steady("3) (integer) 1795278013425"), Steady("3) (integer) 17952"));
    }

    [Fact]
    public void The_worked_example_of_a_proof_is_right()
    {
        var example = File.ReadAllText(Document);
        var (key, channel) = (Of("key"), Of("channel"));
        var (client, server) = (Of("client's nonce"), Of("server's nonce"));
        var (verifier, proof) = (KeyRing.VerifierOf(key), new byte[32]);
        Assert.Equal(Convert.ToHexStringLower(verifier), Of("verifier"));
        foreach (var role in new[] { "server", "client" })
        {
            Handshake.Prove(role, key.Split('_')[2], client, server, channel, verifier, proof);
            Assert.Equal(Convert.ToHexStringLower(proof), Of($"{role}'s proof"));
        }

        string Of(string name) => Regex.Match(example, $"^{name} {{2,}}(\\S+)$", RegexOptions.Multiline).Groups[1].Value;
    }

    private static (string Text, int Part) Read()
    {
        var text = File.ReadAllText(Document);
        return (text, text.IndexOf("\n# Terminals", StringComparison.Ordinal));
    }

    private static async Task OpenAsync(RunningServer server, string sale, string plan)
    {
        (await server.PutAsync($"/api/sales/{sale}", plan)).Is(200);
        (await server.PostAsync($"/api/sales/{sale}/open")).Is(200);
    }

    private static async Task<string> AskAsync(Client client, string shown, HashSet<string> asked)
    {
        var happened = new StringBuilder();
        var (clientNonce, serverNonce) = ("", "");
        foreach (var line in shown.Split('\n'))
        {
            if (line.StartsWith(Program, StringComparison.Ordinal))
            {
                happened.Append(line).Append('\n');
                if (line.Contains(" -a KEY", StringComparison.Ordinal)) await client.AskAsync("AUTH", RunningServer.Key);
                if (line.EndsWith(" -3", StringComparison.Ordinal)) await client.AskAsync("HELLO", "3");
            }

            if (!line.StartsWith(Prompt, StringComparison.Ordinal)) continue;
            string[] words = [.. line[Prompt.Length..].Split(' ').Select(word => word switch
            {
                "KEY" => RunningServer.Key,
                "THE-PROOF" => Proof(),
                _ => word,
            })];
            asked.Add(words[0]);
            var reply = await client.AskAsync(words);
            if (words is ["AUTH", "CHALLENGE", _, _, var nonce]) (clientNonce, serverNonce) = (nonce, HexPattern().Match(reply).Value);
            happened.Append(line).Append('\n').Append(reply);
        }

        return happened.ToString();

        string Proof()
        {
            var proof = new byte[32];
            Handshake.Prove("client", "office", clientNonce, serverNonce, client.Channel, KeyRing.VerifierOf(RunningServer.Key), proof);
            return Convert.ToHexStringLower(proof);
        }
    }

    // A line for each reply and push, for redis-cli shows a push only when something else is asked.
    private static async Task<string> WatchAsync(Client client, string shown, HashSet<string> asked)
    {
        await client.AskAsync("AUTH", RunningServer.Key);
        await client.AskAsync("HELLO", "3");
        var happened = new StringBuilder();
        foreach (var line in shown.TrimEnd('\n').Split('\n'))
        {
            if (!line.StartsWith("reply ", StringComparison.Ordinal) && !line.StartsWith("push ", StringComparison.Ordinal))
            {
                asked.Add(line.Split(' ')[0]);
                await client.SendAsync(line.Split(' '));
                happened.Append(line).Append('\n');
                continue;
            }

            var (kind, items) = await client.ReadLineAsync();
            happened.Append(CultureInfo.InvariantCulture, $"{(kind == '>' ? "push" : "reply"),-8}{items}\n");
        }

        return happened.ToString();
    }

    private static string Steady(string transcript) => ConnectionPattern().Replace(VariablePattern().Replace(transcript, "…"), "$1…");

    [GeneratedRegex("```text\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex BlockPattern();

    [GeneratedRegex("```json\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex PlanPattern();

    [GeneratedRegex(@"^\([0-9.]+s\)$")]
    private static partial Regex WaitedPattern();

    [GeneratedRegex("[0-9a-f]{64}")]
    private static partial Regex HexPattern();

    [GeneratedRegex(@"[0-9a-f]{64}|\b1[0-9]{12}\b|(?<=uptime_in_seconds:)\d+")]
    private static partial Regex VariablePattern();

    [GeneratedRegex(@"(""id""(?: => |\s+\d+\) )\(integer\) )\d+")]
    private static partial Regex ConnectionPattern();

    /// <summary>A connection whose replies are written as people see them.</summary>
    private sealed class Client : IDisposable
    {
        private readonly TcpClient _tcp;
        private readonly BufferedStream _stream;

        public Client(int port)
        {
            _tcp = new("127.0.0.1", port) { NoDelay = true, ReceiveTimeout = 30_000 };
            _stream = new(_tcp.GetStream());
            Channel = Handshake.ChannelOf((IPEndPoint)_tcp.Client.LocalEndPoint!, (IPEndPoint)_tcp.Client.RemoteEndPoint!);
        }

        public string Channel { get; }

        public async Task<string> AskAsync(params string[] words)
        {
            await SendAsync(words);
            return words[0] == "INFO" ? Bulk().Replace("\r", "", StringComparison.Ordinal) : Read("");
        }

        public async Task SendAsync(string[] words) => await _tcp.GetStream().WriteAsync(Terminal.Frame(words));

        /// <summary>An array, or a push, of texts and numbers.</summary>
        public Task<(char Kind, string Items)> ReadLineAsync() => Task.Run(() =>
        {
            var head = Line();
            var items = new string[int.Parse(head[1..], CultureInfo.InvariantCulture)];
            for (var i = 0; i < items.Length; i++)
                items[i] = Read("").TrimEnd('\n').Replace("(integer) ", "", StringComparison.Ordinal).Trim('"');
            return (head[0], string.Join(' ', items));
        });

        public void Dispose()
        {
            _stream.Dispose();
            _tcp.Dispose();
        }

        private string Read(string indent)
        {
            var head = Line();
            var rest = head[1..];
            if (head[0] == '+') return rest + "\n";
            if (head[0] == '-') return $"(error) {rest}\n";
            if (head[0] == ':') return $"(integer) {rest}\n";
            if (head[0] == '$') return Quote(Text(rest)) + "\n";
            var count = int.Parse(rest, CultureInfo.InvariantCulture);
            if (count == 0) return head[0] == '%' ? "(empty hash)\n" : "(empty array)\n";
            var (width, text) = (rest.Length, new StringBuilder());
            for (var i = 1; i <= count; i++)
            {
                if (i > 1) text.Append(indent);
                text.Append($"{i}".PadLeft(width)).Append(head[0] == '%' ? '#' : ')').Append(' ');
                var inner = indent + new string(' ', width + 2);
                if (head[0] == '%') text.Append(Read(inner).TrimEnd('\n')).Append(" => ");
                text.Append(Read(inner));
            }

            return text.ToString();
        }

        private string Bulk() => Text(Line()[1..]);

        private string Text(string length)
        {
            var bytes = new byte[int.Parse(length, CultureInfo.InvariantCulture) + 2];
            _stream.ReadExactly(bytes);
            return Encoding.UTF8.GetString(bytes.AsSpan(..^2));
        }

        private string Line()
        {
            var line = new StringBuilder();
            while (true)
            {
                var next = _stream.ReadByte();
                if (next < 0) throw new EndOfStreamException($"The server has ended the connection: {line}");
                if (next == '\n') return line.ToString().TrimEnd('\r');
                line.Append((char)next);
            }
        }

        private static string Quote(string text) =>
            "\"" + string.Concat(Encoding.UTF8.GetBytes(text).Select(one => one switch
            {
                (byte)'"' or (byte)'\\' => $"\\{(char)one}",
                >= 0x20 and < 0x7f => $"{(char)one}",
                _ => $"\\x{one:x2}",
            })) + "\"";
    }
}
