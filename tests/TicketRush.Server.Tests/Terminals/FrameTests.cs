using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
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
        var sale = (await Server.OpenSaleAsync(Plans.Concert(capacity: 1_000, payment: "none"))).Split('/')[^1];
        var (order, hold) = (Plans.NewId(), Plans.NewId());
        string[][] commands =
        [
            ["BUY", sale, order, "ann", "floor", "2", "REFERENCE", "r"], ["HOLD", sale, hold, "bob", "floor", "1"], ["EXTEND", sale, hold, "k1"],
            ["ORDER", sale, order], ["REFUND", sale, order, "r1", "cannot-come", "RESELL", "TICKETS", "1"], ["RELEASE", sale, hold], ["AVAILABLE", sale, "floor"],
            ["PAY", sale, order, "r"], ["PING", "x"], ["COMMAND", "COUNT"], ["WATCH", sale, "AFTER", "999"], ["BUY", sale, Plans.NewId(), "ann", "gallery", "1"],
        ];
        var splits = 0;
        await using var pipe = new TerminalPipe(Server);
        await pipe.SendAsync(Terminal.Frame("AUTH", "office", RunningServer.Key));
        await pipe.ReadUntilAsync("+OK\r\n");
        foreach (var words in commands)
        {
            var frame = Terminal.Frame(words);

            // Ids make every repetition the same request; the marker says where its reply ends.
            byte[] marker = Terminal.Frame("PING", "marker");
            await pipe.SendAsync(frame);
            await pipe.SendAsync(marker);
            var whole = await pipe.ReadUntilAsync("$6\r\nmarker\r\n");
            for (var at = 1; at < frame.Length; at++, splits++)
            {
                await pipe.SendAsync(frame.AsMemory(0, at));
                await pipe.SendAsync(frame.AsMemory(at));
                await pipe.SendAsync(marker);
                Assert.Equal(whole, await pipe.ReadUntilAsync("$6\r\nmarker\r\n"));
            }
        }

        Assert.True(splits > 800, $"{splits}");
    }

    [Fact]
    public async Task A_pipeline_that_comes_byte_by_byte_is_a_pipeline()
    {
        var sale = (await Server.OpenSaleAsync(Plans.Concert(capacity: 1_000, payment: "none", perBuyer: 1_000))).Split('/')[^1];
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
    /// counts what must be answered. <c>RUSH_FUZZ_SECONDS=3600</c> goes on for an hour; a failure names its seed, and <c>RUSH_FUZZ_SEED</c>
    /// runs that one again.
    /// </summary>
    [Fact]
    public async Task Random_sessions_of_the_grammar_are_answered_command_by_command()
    {
        var sale = (await Server.OpenSaleAsync(Plans.Concert(capacity: 10_000_000, payment: "none", perBuyer: 1_000_000))).Split('/')[^1];
        var seconds = double.Parse(Environment.GetEnvironmentVariable("RUSH_FUZZ_SECONDS") ?? "4", CultureInfo.InvariantCulture);
        var (until, sessions, broken, sold) = (Environment.TickCount64 + (long)(seconds * 1000), 0, 0, 0L);
        var only = Environment.GetEnvironmentVariable("RUSH_FUZZ_SEED");
        for (var seed = only is null ? Environment.TickCount : int.Parse(only, CultureInfo.InvariantCulture); Environment.TickCount64 < until; seed++)
        {
            try
            {
                var (wasBroken, bought) = await FuzzAsync(seed, sale);
                sessions++;
                sold += bought;
                if (wasBroken) broken++;
            }
            catch (Exception e)
            {
                Assert.Fail($"RUSH_FUZZ_SEED={seed}: {e}");
            }

            if (only is not null) break;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{sessions} sessions, {broken} of them broken, {sold} tickets");
        Assert.True(only is not null || (sessions > 20 && broken > 2), $"{sessions} sessions, {broken} broken");
        await using var terminal = await Terminal.ConnectAsync(Server);
        Assert.Equal(10_000_000 - sold, await terminal.AskAsync("AVAILABLE", sale, "floor"));
        Assert.DoesNotContain(Server.Logged, line => line.Contains("Exception", StringComparison.Ordinal));
    }

    private async Task<(bool Broken, long Bought)> FuzzAsync(int seed, string sale)
    {
        var random = new Random(seed);
        var bytes = new List<byte>(Terminal.Frame("AUTH", "office", RunningServer.Key));
        var expected = new List<char> { '+' };
        var isBroken = false;
        for (var count = random.Next(1, 40); count > 0 && !isBroken; count--)
        {
            if (random.Next(25) == 0)
            {
                bytes.AddRange(Break(random, sale));
                expected.Add('!');
                isBroken = true;
                break;
            }

            var (words, kind) = Command(random, sale);
            if (random.Next(20) == 0) bytes.AddRange("\r\n"u8.ToArray()); // An empty line asks for nothing.
            if (random.Next(10) == 0 && words.All(word => word.Length > 0 && word.All(letter => letter is > ' ' and <= '~')) && words[0][0] != '*' && kind != '-')
                bytes.AddRange(Encoding.ASCII.GetBytes(string.Join(' ', words) + "\r\n"));
            else bytes.AddRange(Terminal.Frame(words));
            expected.Add(kind);
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
        if (expected[^1] == '!' && replies.Count == expected.Count - 1) expected.RemoveAt(expected.Count - 1);
        Assert.Equal(expected.Count, replies.Count);
        long bought = 0;
        for (var i = 0; i < expected.Count; i++)
        {
            if (expected[i] == '!') Assert.Matches("^-(PROTOCOL_ERROR|UNKNOWN_COMMAND|INVALID_REQUEST|INVALID_ID) ", replies[i]);
            else Assert.True(replies[i][0] == expected[i] || (expected[i] == '?' && replies[i][0] is '-' or '*' or ':'), $"{expected[i]} was expected, and {replies[i]} came");
            if (replies[i].Contains("$4\r\npaid\r\n", StringComparison.Ordinal)) bought += long.Parse(PlacesPattern().Match(replies[i]).Groups[1].Value, CultureInfo.InvariantCulture);
        }

        return (isBroken, bought);
    }

    private static (string[] Words, char Reply) Command(Random random, string sale)
    {
        string Id() => new Guid(Enumerable.Range(0, 16).Select(_ => (byte)random.Next(256)).ToArray()).ToString(random.Next(4) == 0 ? "N" : "D");
        string Text() => new([.. Enumerable.Range(0, random.Next(1, 30)).Select(_ => (char)random.Next('!', 0x250))]);
        var name = (string text) => random.Next(5) == 0 ? text.ToLowerInvariant() : text;
        return random.Next(14) switch
        {
            0 => ([name("PING")], '+'),
            1 => ([name("PING"), Text()], '$'),
            2 => ([name("AVAILABLE"), sale], '*'),
            3 => ([name("AVAILABLE"), sale, random.Next(2) == 0 ? "balcony" : Text()], '?'),
            4 => ([name("SALES")], '*'),
            5 => ([name("ORDER"), sale, Id()], '-'),
            6 => ([name("HOLD"), sale, Id(), Text(), "balcony", $"{random.Next(200)}"], '?'),
            7 => ([name("BUY"), sale, Text(), Text(), "floor", "1"], '-'),
            8 => ([name("EXTEND"), sale, Id(), Text()], '-'),
            9 => ([name("BUY"), sale, Id(), Text(), "floor", "1", .. Enumerable.Range(0, random.Next(1, 8)).Select(_ => Text())], '-'),
            10 => ([name("REFUND"), sale, Id(), Text(), "cannot-come", "RESELL", "TICKETS", $"{random.Next()}"], '-'),
            _ => ([name("BUY"), sale, Id(), Text(), "floor", $"{random.Next(1, 7)}"], '*'),
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

    private static int Count(string text, string part) => (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;

    // *7, paid, sequence, time, first ticket, then the number of places.
    [GeneratedRegex(@"^\*[78]\r\n\$4\r\npaid\r\n:\d+\r\n:\d+\r\n:\d+\r\n:(\d+)\r\n")]
    private static partial Regex PlacesPattern();

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
