using System.Globalization;

namespace TicketRush.Engine.Tests;

/// <summary>
/// Plays a script against a sale the way the sequencer does, and says at which line the sale did something else.
/// <code>
///   at 600s                                    the time from here on
///   hold H1 B1 adult:2,child:1 -> Held, #3     the outcome, then any facts that must be among the reply's
///   buy H2 B1 R1 adult:1       -> Paid, tickets 1-1
///   pay H1 R1                  -> Paid         release H1, find H1, order H2, extend H1 [K1]
///   refund H2 1,2 [K1] [resell] -> Refunded    "all" for every ticket that is left
///   open [K1]                  -> Open         pause, close
///   timer [2]                  -> expired 2    the timer that ends due holds, with a bound or to the end
///   ga                         -> free 3, held 1, sold 0, blocked 0
/// </code>
/// A new decision is its outcome alone; what was asked before is "Again" and the outcome; a refused payment that was written
/// down is "Owed" and the refusal; an answer to a question is "Found" and the state. After every line no place may have been
/// lost or made; at the end, the entries must rebuild the same sale.
/// </summary>
internal sealed class Script
{
    private readonly List<Entry> _entries = [];
    private Entry _entry;
    private Reply _reply;

    public Sale Sale { get; } = new();
    public IReadOnlyList<Entry> Entries => _entries;
    public Reply Reply => _reply;
    public long NowMs { get; private set; }

    /// <summary>A sale of this plan (or the usual one), opened, and the script played on it.</summary>
    public static Script Run(string lines) => Run(Plans.Concert, lines);

    public static Script Run(Plan plan, string lines)
    {
        var script = new Script();
        script.Change(plan, "Draft, #1");
        script.Play("open -> Open, #2");
        script.Play(lines);
        return script;
    }

    public void Play(string lines)
    {
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var halves = line.Split("//")[0].Split("->", StringSplitOptions.TrimEntries);
            Expect(line, halves.ElementAtOrDefault(1), Step(halves[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        }

        Assert.Equal(Sale.Digest(), Replay(_entries).Digest());
    }

    /// <param name="revision">The revision that the change is made for; the present one when null.</param>
    public void Change(Plan plan, string expected, long? revision = null) =>
        Expect($"plan -> {expected}", expected, Ask(new() { Kind = CommandKind.Plan, Plan = plan, Revision = revision ?? Sale.Revision }));

    /// <summary>Asks as the sequencer does: a hold that ran out ends first, and then the command is decided again.</summary>
    public string[] Ask(Command command)
    {
        while (true)
        {
            var verdict = Sale.Decide(command, NowMs, ref _entry, ref _reply);
            if (verdict is Verdict.Entry or Verdict.ExpireFirst or Verdict.NameFirst) Record();
            if (verdict is Verdict.ExpireFirst or Verdict.NameFirst) continue;
            if (verdict == Verdict.Entry) _reply.Sequence = _entries.Count;
            return [Headline(command, verdict), .. Facts()];
        }
    }

    public void Wait(long ms) => NowMs += ms;

    public int Expire(int bound)
    {
        var expired = 0;
        for (; expired < bound && Sale.TryExpire(NowMs, ref _entry); expired++) Record();
        return expired;
    }

    public static Sale Replay(IReadOnlyList<Entry> entries)
    {
        var sale = new Sale();
        for (var i = 0; i < entries.Count; i++) sale.Apply(entries[i], i + 1);
        return sale;
    }

    public static UInt128 Id(string name) => new(name[0], ulong.Parse(name.AsSpan(1), CultureInfo.InvariantCulture));

    private string[]? Step(string[] words)
    {
        switch (words[0])
        {
            case "at":
                NowMs = (long)(decimal.Parse(words[1].TrimEnd('s'), CultureInfo.InvariantCulture) * 1000);
                return null;
            case "timer":
                var bound = words.Length > 1 ? int.Parse(words[1], CultureInfo.InvariantCulture) : int.MaxValue;
                return [$"expired {Expire(bound)}"];
            case "owed":
                return [$"{Sale.Owed.Payments} payments", $"{Sale.Owed.Amount} in all"];
            case var pool when Sale.Plan!.PoolNamed(pool) is var number and >= 0:
                var count = Sale.CountOf(number);
                return [$"free {count.Free}", $"held {count.Held}", $"sold {count.Sold}", $"blocked {count.Blocked}"];
            default:
                return Ask(Parse(words));
        }
    }

    private void Record()
    {
        _entries.Add(_entry);
        Sale.Apply(_entry, _entries.Count);
        for (var i = 0; i < Sale.Plan!.Pools.Length; i++)
        {
            var count = Sale.CountOf(i);
            Assert.Equal(count.Capacity, count.Blocked + count.Held + count.Sold + count.Free);
            Assert.True(new[] { count.Blocked, count.Held, count.Sold, count.Free }.Min() >= 0, $"After {_entry.Kind}: {count}");
        }
    }

    private Command Parse(string[] words)
    {
        Assert.True(Enum.TryParse<CommandKind>(KindOf(words[0]), out var kind), $"Not a verb: {words[0]}");
        var command = new Command { Kind = kind, Plan = Sale.Plan, Reason = "cannot-come" };
        foreach (var word in words.AsSpan(1))
        {
            if (word == "resell") command.Resell = true;
            else if (word.Contains(':')) command.Lines = LinesOf(word, Sale.Plan!);
            else if (char.IsAsciiDigit(word[0])) command.Tickets = [.. word.Split(',').Select(uint.Parse)];
            else if (word[0] == 'H') command.Hold = new(Id(word));
            else if (word[0] == 'B') command.Buyer = new(Id(word));
            else if (word[0] == 'R') command.Reference = new(Id(word));
            else if (word[0] == 'K') command.Key = new(Id(word));
            else if (word[0] == '"') command.Reason = word;
            else Assert.Equal("all", word);
        }

        return command;
    }

    private static string KindOf(string verb) => verb switch
    {
        "buy" => "Purchase",
        "find" => "FindHold",
        "order" => "FindOrder",
        _ => $"{char.ToUpperInvariant(verb[0])}{verb[1..]}",
    };

    public static Lines LinesOf(string text, Plan plan)
    {
        var lines = new Lines();
        foreach (var part in text.Split(','))
        {
            var (tier, quantity) = (part.Split(':')[0], part.Split(':')[1]);
            Assert.True(lines.TryAdd((ushort)plan.TierNamed(tier), ushort.Parse(quantity, CultureInfo.InvariantCulture)));
        }

        return lines;
    }

    private string Headline(in Command command, Verdict verdict)
    {
        var again = verdict == Verdict.Repeat ? "Again " : "";
        if (_reply.Refusal != Refusal.None) return verdict == Verdict.Refused ? $"{_reply.Refusal}" : $"{again}Owed {_reply.Refusal}";
        return command.Kind switch
        {
            CommandKind.Plan or CommandKind.Open or CommandKind.Pause or CommandKind.Close => $"{again}{_reply.SaleState}",
            CommandKind.Refund => $"{again}Refunded",
            _ => $"{(verdict == Verdict.Found ? "Found " : again)}{_reply.State}",
        };
    }

    private IEnumerable<string> Facts()
    {
        yield return $"#{_reply.Sequence}";
        yield return $"until {_reply.UntilMs / 1000m:0.###}s";
        yield return $"tickets {_reply.FirstTicket}-{_reply.FirstTicket + (uint)_reply.Lines.Places - 1}";
        yield return _reply.FirstTicket == 0 ? "no tickets" : "";
        yield return $"amount {_reply.Amount}";
        yield return $"extended {_reply.Extensions}";
        yield return $"allowed {_reply.Allowed}";
        yield return $"refunded {Numbers(_reply)}";
        yield return _reply.Late ? "late" : "in time";
    }

    private static string Numbers(Reply reply)
    {
        var tickets = Enumerable.Range(0, 128).Where(i => (reply.Refunded >> i & 1) != 0).Select(i => reply.FirstTicket + i);
        return reply.Refunded == 0 ? "none" : string.Join("+", tickets);
    }

    private static void Expect(string line, string? expected, string[]? facts)
    {
        if (facts is null) return;
        Assert.True(expected is not null, $"{line}\n  expects nothing, and the answer was: {string.Join(", ", facts)}");
        var wanted = expected.Split(',', StringSplitOptions.TrimEntries);
        Assert.True(
            wanted[0] == facts[0] && wanted.All(facts.Contains), $"{line}\n  but the answer was: {string.Join(", ", facts)}");
    }
}
