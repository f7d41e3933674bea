using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TicketRush.Server.Access;
using TicketRush.Server.Terminals;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>Bytes as no network promises to keep together, and as no decent client sends.</summary>
public sealed partial class FrameTests(TerminalServer running) : IClassFixture<TerminalServer>
{
    private RunningServer Server => running.Server;

    [Fact]
    public async Task Every_command_split_at_every_byte_is_answered_as_if_it_came_whole()
    {
        var sale = await OpenAsync(Plans.Concert(capacity: 1_000, payment: "none"));
        var places = await OpenAsync("""
            {"name":"Places","timeZone":"UTC","currency":"EUR","paymentKind":"none","stops":[{"id":"a","name":"A"},{"id":"b","name":"B"}],
             "pools":[{"id":"stalls","rows":[{"rows":"1-5","seats":"1-10"}]},
                      {"id":"coach","travel":"seat-now","rows":[{"section":"1","rows":"1","seats":"A-C"}]}],
             "tiers":[{"id":"stalls","name":"Stalls","pool":"stalls","price":100},
                      {"id":"second","name":"Second","pool":"coach","legPrices":[200]}]}
            """);
        var (order, hold, seats, journey) = (Plans.NewId(), Plans.NewId(), Plans.NewId(), Plans.NewId());
        var nonce = new string('a', 64);
        string[] watch = ["WATCH", places, "AFTER", "3"], unwatch = ["UNWATCH", places];
        Frames[] all =
        [
            new("HELLO", "3", "AUTH", "office", RunningServer.Key, "SETNAME", "desk"), new("HELLO", "2"), new("AUTH", RunningServer.Key),
            new("AUTH", "CHALLENGE", "client", "office", nonce), new("AUTH", "PROOF") { IsProof = true },
            new("BUY", sale, order, "ann", "floor", "2", "REFERENCE", "r"), new("HOLD", sale, hold, "bob", "floor", "1"),
            new("EXTEND", sale, hold, "k1"), new("ORDER", sale, order),
            new("REFUND", sale, order, "r1", "cannot-come", "RESELL", "TICKETS", "1"), new("RELEASE", sale, hold),
            new("PAY", sale, order, "r"), new("AVAILABLE", sale), new("AVAILABLE", sale, "floor"), new("SALES"), new("INFO"),
            new("PING", "x"), new("ECHO", "x"), new("COMMAND", "COUNT"), new("COMMAND", "DOCS"),
            new("CLIENT", "SETNAME", "desk"), new("CLIENT", "SETINFO", "LIB-NAME", "x"),

            // While nothing happens in the sale, so that no push comes between.
            new(watch) { After = unwatch }, new(unwatch) { Before = watch },
            new("HOLD", places, seats, "ann", "stalls", "2", "SEATS", "2-4", "2-5"),
            new("BUY", places, journey, "ann", "second", "1", "FROM", "a", "TO", "b", "REFERENCE", "r"),
            new("AVAILABLE", places, "second", "FROM", "a", "TO", "b"), new("WATCH", sale, "AFTER", "999"),
            new("BUY", sale, Plans.NewId(), "ann", "gallery", "1"), new("QUIT"),
        ];
        var missing = TerminalCommand.All.Select(command => command.Name).Except(all.Select(frames => frames.Words[0]));
        Assert.Equal("", string.Join(' ', missing));

        var splits = 0;
        foreach (var frames in all)
        {
            var pipe = await KnownAsync();
            var whole = await AskAsync(pipe, frames, int.MaxValue);
            Assert.DoesNotMatch("INVALID_REQUEST|UNAUTHORIZED|INVALID_ID", frames.Words[^1] == "999" ? "" : whole);
            for (var at = 1; at < Terminal.Frame(frames.Words).Length + (frames.IsProof ? 71 : 0); at++, splits++)
            {
                if (pipe.HasEnded)
                {
                    await pipe.DisposeAsync();
                    pipe = await KnownAsync();
                }

                Assert.Equal(whole, await AskAsync(pipe, frames, at));
            }

            await pipe.DisposeAsync();
        }

        Assert.True(splits > 1_800, $"{splits}");

        async Task<TerminalPipe> KnownAsync()
        {
            var pipe = new TerminalPipe(Server);
            Assert.Equal("+OK", await pipe.AskLineAsync("AUTH", "office", RunningServer.Key));
            return pipe;
        }

        // Ids make every repetition the same request; the marker says where its reply ends.
        async Task<string> AskAsync(TerminalPipe pipe, Frames frames, int at)
        {
            var words = frames.Words;
            if (frames.IsProof)
            {
                var (serverNonce, _) = await pipe.ChallengeAsync("office", nonce);
                var proof = new byte[32];
                Handshake.Prove("client", "office", nonce, serverNonce, pipe.Channel, KeyRing.VerifierOf(RunningServer.Key), proof);
                words = [.. words, Convert.ToHexStringLower(proof)];
            }

            var frame = Terminal.Frame(words);
            if (frames.Before is { } before) await pipe.SendAsync(Terminal.Frame(before));
            await pipe.SendAsync(frame.AsMemory(0, Math.Min(at, frame.Length)));
            if (at < frame.Length) await pipe.SendAsync(frame.AsMemory(at));
            if (words[0] == "QUIT") return Encoding.UTF8.GetString(await pipe.EndAsync());
            if (frames.After is { } after) await pipe.SendAsync(Terminal.Frame(after));
            await pipe.SendAsync(Terminal.Frame("PING", "marker"));
            var said = await pipe.ReadUntilAsync("$6\r\nmarker\r\n");
            return words[0] is "AUTH" or "INFO" ? VariablePattern().Replace(said, "…") : said;
        }
    }

    /// <param name="Words">What is split.</param>
    private sealed record Frames(params string[] Words)
    {
        public string[]? Before { get; init; }

        public string[]? After { get; init; }

        /// <summary>The last word is still to be made, by a challenge.</summary>
        public bool IsProof { get; init; }
    }

    // Nonces, proofs of them, and how long the server has been running.
    [GeneratedRegex(@"[0-9a-f]{64}|uptime_in_seconds:\d+")]
    private static partial Regex VariablePattern();

    [Fact]
    public async Task A_pipeline_that_comes_byte_by_byte_is_a_pipeline()
    {
        var sale = await OpenAsync(Plans.Concert(capacity: 1_000, payment: "none", perBuyer: 1_000));
        await using var pipe = new TerminalPipe(Server);
        byte[] all =
        [
            .. Terminal.Frame("AUTH", "office", RunningServer.Key),
            .. Enumerable.Range(0, 20).SelectMany(_ => Terminal.Frame("BUY", sale, Plans.NewId(), "ann", "floor", "1")),
            .. Terminal.Frame("PING", "end"),
        ];
        foreach (var one in all) await pipe.SendAsync(new[] { one });
        var replies = await pipe.ReadUntilAsync("$3\r\nend\r\n");
        Assert.Equal(20, Count(replies, "$4\r\npaid\r\n"));
    }

    /// <summary>
    /// Goal: no bytes break the server, a reply comes for every command, in order, and nothing is sold but what was asked for.
    /// Method: sessions of random commands of the grammar, some of them broken in one of the ways below, cut into random pieces. A model
    /// says what must be answered: texts come back as they were sent, and tickets are numbered one after the other.
    /// <c>RUSH_FUZZ_SECONDS=3600</c> goes on for an hour and <c>0</c> until it is stopped; a failure names its seed, and
    /// <c>RUSH_FUZZ_SEED</c> runs that one again.
    /// </summary>
    [Fact]
    public async Task Random_sessions_of_the_grammar_are_answered_command_by_command()
    {
        const int Capacity = 10_000_000;
        var plan = Plans.Concert(capacity: Capacity, payment: "none", perBuyer: 1_000_000);
        var sale = await OpenAsync(plan);
        var seconds = double.Parse(Environment.GetEnvironmentVariable("RUSH_FUZZ_SECONDS") ?? "4", CultureInfo.InvariantCulture);
        Assert.InRange(seconds, 0, 1e9);
        var until = seconds == 0 ? long.MaxValue : Environment.TickCount64 + (long)(seconds * 1000);
        var (sessions, broken, sold, soldBefore) = (0, 0, 0L, 0L);
        var only = Environment.GetEnvironmentVariable("RUSH_FUZZ_SEED");
        for (var seed = only is null ? Environment.TickCount : int.Parse(only, CultureInfo.InvariantCulture);
            Environment.TickCount64 < until; seed++)
        {
            try
            {
                var (wasBroken, bought) = await FuzzAsync(seed, sale, sold + 1);
                sessions++;
                sold += bought;
                if (wasBroken) broken++;
            }
            catch (Exception e)
            {
                Assert.Fail($"RUSH_FUZZ_SEED={seed}: {e}");
            }

            if (only is not null) break;
            if (sold < Capacity / 2) continue;

            // A purchase is never refused for want of places.
            await CheckAsync();
            (sale, soldBefore, sold) = (await OpenAsync(plan), soldBefore + sold, 0);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{sessions} sessions, {broken} of them broken, {soldBefore + sold} tickets");
        Assert.True(only is not null || (sessions > 20 && broken > 2), $"{sessions} sessions, {broken} broken");
        await CheckAsync();

        async Task CheckAsync()
        {
            await using var terminal = await Terminal.ConnectAsync(Server);
            Assert.Equal(Capacity - sold, await terminal.AskAsync("AVAILABLE", sale, "floor"));
            Assert.DoesNotContain(Server.Logged, line => line.Contains("Exception", StringComparison.Ordinal));
            Server.Logged.Clear();
        }
    }

    [Fact]
    public void The_model_of_the_sessions_sees_a_wrong_text_and_a_ticket_that_was_sold_before()
    {
        long next = 7;
        Assert.Null(Wrong(new('$', Text: "pong"), "$4\r\npong\r\n", ref next));
        Assert.NotNull(Wrong(new('$', Text: "pong"), "$4\r\npang\r\n", ref next));
        Assert.NotNull(Wrong(new('+'), "-BUSY x\r\n", ref next));
        const string Bought = "*7\r\n$4\r\npaid\r\n:4\r\n:1\r\n:7\r\n:2\r\n:1\r\n$0\r\n\r\n";
        Assert.Null(Wrong(new('*', Places: 2), Bought, ref next));
        Assert.Equal(9, next);
        Assert.NotNull(Wrong(new('*', Places: 2), Bought, ref next));
        Assert.NotNull(Wrong(new('*', Places: 1), Bought.Replace(":7", ":9", StringComparison.Ordinal), ref next));
    }

    private async Task<(bool Broken, long Bought)> FuzzAsync(int seed, string sale, long firstTicket)
    {
        var random = new Random(seed);
        var bytes = new List<byte>(Terminal.Frame("AUTH", "office", RunningServer.Key));
        var expected = new List<Expected> { new('+') };
        var isBroken = false;
        for (var count = random.Next(1, 40); count > 0; count--)
        {
            if (random.Next(25) == 0)
            {
                bytes.AddRange(Break(random, sale));
                expected.Add(new('!'));
                isBroken = true;
                break;
            }

            var (words, reply) = Command(random, sale);
            if (random.Next(20) == 0) bytes.AddRange("\r\n"u8.ToArray()); // An empty line asks for nothing.
            if (random.Next(10) == 0 && reply.Kind != '-' && IsOneLine(words))
                bytes.AddRange(Encoding.ASCII.GetBytes(string.Join(' ', words) + "\r\n"));
            else bytes.AddRange(Terminal.Frame(words));
            expected.Add(reply);
        }

        await using var pipe = new TerminalPipe(Server);
        var all = bytes.ToArray();
        for (var at = 0; at < all.Length && !pipe.HasEnded;)
        {
            var length = Math.Min(all.Length - at, random.Next(10) == 0 ? 1 : random.Next(1, 3_000));
            await pipe.SendAsync(all.AsMemory(at, length));
            at += length;
        }

        var replies = Replies.Read(await pipe.EndAsync());

        // A frame that is only begun is nothing: the connection ended in the middle of it.
        if (expected[^1].Kind == '!' && replies.Count == expected.Count - 1) expected.RemoveAt(expected.Count - 1);
        Assert.Equal(expected.Count, replies.Count);
        var next = firstTicket;
        for (var i = 0; i < expected.Count; i++) Assert.Null(Wrong(expected[i], replies[i], ref next));
        return (isBroken, next - firstTicket);

        static bool IsOneLine(string[] words) =>
            words[0][0] != '*' && words.All(word => word.Length > 0 && word.All(letter => letter is > ' ' and <= '~'));
    }

    /// <summary>What the model says to a reply.</summary>
    /// <param name="next">The ticket that is sold next.</param>
    /// <returns>Null when it is right.</returns>
    private static string? Wrong(Expected expected, string reply, ref long next)
    {
        var isRight = expected.Kind switch
        {
            '!' => Regex.IsMatch(reply, "^-(PROTOCOL_ERROR|UNKNOWN_COMMAND|INVALID_REQUEST|INVALID_ID) "),
            '?' => reply[0] is '-' or '*' or ':',
            _ => reply[0] == expected.Kind,
        };
        if (expected.Text is { } text) isRight = reply == $"${Encoding.UTF8.GetByteCount(text)}\r\n{text}\r\n";
        if (expected.Places > 0)
        {
            var order = OrderPattern().Match(reply);
            isRight = order.Success && long.Parse(order.Groups[1].Value, CultureInfo.InvariantCulture) == next
                && int.Parse(order.Groups[2].Value, CultureInfo.InvariantCulture) == expected.Places;
            next += expected.Places;
        }

        return isRight ? null : $"{expected} was expected, ticket {next} is the next, and this came: {reply}";
    }

    /// <param name="Kind">The reply's first character; ? for one of several, ! for what nobody can answer.</param>
    /// <param name="Text">The text that must come back.</param>
    /// <param name="Places">How many places are bought.</param>
    private readonly record struct Expected(char Kind, string? Text = null, int Places = 0);

    private static (string[] Words, Expected Reply) Command(Random random, string sale)
    {
        string Id() =>
            new Guid(Enumerable.Range(0, 16).Select(_ => (byte)random.Next(256)).ToArray()).ToString(random.Next(4) == 0 ? "N" : "D");
        string Text() => new([.. Enumerable.Range(0, random.Next(1, 30)).Select(_ => (char)random.Next('!', 0x250))]);
        var name = (string text) => random.Next(5) == 0 ? text.ToLowerInvariant() : text;
        var (said, places) = (Text(), random.Next(1, 7));
        return random.Next(14) switch
        {
            0 => ([name("PING")], new('+')),
            1 => ([name(random.Next(2) == 0 ? "PING" : "ECHO"), said], new('$', said)),
            2 => ([name("AVAILABLE"), sale], new('*')),
            3 => ([name("AVAILABLE"), sale, random.Next(2) == 0 ? "balcony" : said], new('?')),
            4 => ([name("SALES")], new('*')),
            5 => ([name("ORDER"), sale, Id()], new('-')),
            6 => ([name("HOLD"), sale, Id(), said, "balcony", $"{random.Next(200)}"], new('?')),
            7 => ([name("BUY"), sale, Text(), said, "floor", "1"], new('-')),
            8 => ([name("EXTEND"), sale, Id(), said], new('-')),
            9 => ([name("BUY"), sale, Id(), said, "floor", "1", .. Enumerable.Range(0, random.Next(1, 8)).Select(_ => Text())], new('-')),
            10 => ([name("REFUND"), sale, Id(), said, "cannot-come", "RESELL", "TICKETS", $"{random.Next()}"], new('-')),
            _ => ([name("BUY"), sale, Id(), said, "floor", $"{places}"], new('*', Places: places)),
        };
    }

    /// <summary>Bytes after which nothing can be understood.</summary>
    private static byte[] Break(Random random, string sale)
    {
        var frame = Terminal.Frame("BUY", sale, Guid.NewGuid().ToString(), "ann", "floor", "1");
        switch (random.Next(5))
        {
            case 0: return [.. "*"u8, .. Encoding.ASCII.GetBytes($"{random.Next(300, 100_000)}\r\n")];
            case 1: return [.. "*2\r\n$4\r\nPING\r\n$"u8, .. Encoding.ASCII.GetBytes($"{random.Next(1025, 100_000)}\r\n")];
            case 2: return frame[..random.Next(frame.Length)];
            case 3: return [0, .. "*1\r\n"u8];
            default:
                // A length that lies.
                frame[frame.AsSpan().IndexOf("$5\r\n"u8) + 1] = (byte)random.Next('6', '9');
                return [.. frame, .. Terminal.Frame("PING", new string('x', 20))];
        }
    }

    private static int Count(string text, string part) =>
        (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;

    // *7, paid, sequence, time, first ticket, then the number of places.
    [GeneratedRegex(@"^\*[78]\r\n\$4\r\npaid\r\n:\d+\r\n:\d+\r\n:(\d+)\r\n:(\d+)\r\n")]
    private static partial Regex OrderPattern();

    private async Task<string> OpenAsync(string plan) => (await Server.OpenSaleAsync(plan)).Split('/')[^1];

    /// <summary>Splits what was answered into replies; throws at what is none.</summary>
    private static class Replies
    {
        public static List<string> Read(byte[] bytes)
        {
            var replies = new List<string>();
            for (var at = 0; at < bytes.Length;)
            {
                var start = at;
                Skip(bytes, ref at);
                replies.Add(Encoding.UTF8.GetString(bytes, start, at - start));
            }

            return replies;
        }

        private static void Skip(byte[] bytes, ref int at)
        {
            var length = bytes.AsSpan(at).IndexOf("\r\n"u8);
            if (length < 1) throw new InvalidDataException($"No line at {at}.");
            var line = Encoding.UTF8.GetString(bytes, at, length);
            at += length + 2;
            if (line[0] is '+' or '-' or ':' or '_') return;
            var count = int.Parse(line[1..], CultureInfo.InvariantCulture);
            if (line[0] == '$')
            {
                if (count < 0) return;
                at += count + 2;
                if (bytes[at - 2] != '\r' || bytes[at - 1] != '\n') throw new InvalidDataException($"No end of a text at {at}.");
                return;
            }

            if (line[0] != '*') throw new InvalidDataException($"No reply: {line}");
            for (; count > 0; count--) Skip(bytes, ref at);
        }
    }
}
