using System.Collections.Concurrent;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>What a buyer knows about an order that was asked for.</summary>
internal enum Fate
{
    /// <summary>Never asked.</summary>
    None,

    /// <summary>Asked, and no answer came, or one that says that nobody knows. Stays so until a definite one comes.</summary>
    Unknown,
    Done,
    Refused,

    /// <summary>Asked once, and told that nothing was started; never asked again.</summary>
    NotStarted,
}

/// <summary>One order that somebody wants, and what they were told.</summary>
internal sealed class Wish(string sale, string buyer, int quantity)
{
    public Guid Id { get; } = Guid.NewGuid();
    public string Sale => sale;
    public string Buyer => buyer;
    public int Quantity => quantity;

    public Fate Fate { get; set; }
    public string Code { get; set; } = "";
    public string Server { get; set; } = "";
    public long Sequence { get; set; }
    public string Hash { get; set; } = "";
    public uint[] Tickets { get; set; } = [];
}

/// <summary>
/// Everything that servers have told buyers, kept outside of them: the truth that a journal is held against afterwards.
/// </summary>
internal sealed class Ledger
{
    private readonly ConcurrentQueue<Wish> _wishes = new();
    private readonly ConcurrentDictionary<string, int> _codes = new();
    private int _done;

    public IReadOnlyCollection<Wish> Wishes => _wishes;

    /// <summary>Answers that no server may give: two different ones for one id, a waiting time left out, an error of ours.</summary>
    public ConcurrentQueue<string> Wrong { get; } = new();

    public int Done => Volatile.Read(ref _done);

    public IEnumerable<Wish> With(Fate fate) => _wishes.Where(wish => wish.Fate == fate);

    /// <summary>How often a code was answered, such as BUSY; "" counts the answers that never came.</summary>
    public int Answered(string code) => _codes.GetValueOrDefault(code);

    public string Summary => $"{Done} done; " + string.Join(", ",
        _codes.Select(code => $"{(code.Key == "" ? "no answer" : code.Key)} {code.Value}"));

    public void Add(Wish wish) => _wishes.Enqueue(wish);

    /// <param name="answer">Null when none came.</param>
    public void Record(Wish wish, Answer? answer)
    {
        lock (wish)
        {
            var told = answer?.Status ?? 0;
            if (told != 200) _codes.AddOrUpdate(answer?.Code ?? "", 1, (_, count) => count + 1);
            switch (told)
            {
                case 200:
                    RecordOrder(wish, answer!);
                    break;
                case 0 or 502 or 504:
                    if (wish.Fate is Fate.None) wish.Fate = Fate.Unknown;
                    break;
                case 503:
                    // The second time that the same id is asked for, "not started" says nothing about the first time.
                    if (wish.Fate is Fate.None) (wish.Fate, wish.Code) = (Fate.NotStarted, answer!.Code);
                    break;
                case 409:
                    if (wish.Fate is Fate.Done) Wrong.Enqueue($"{wish.Id} was done, and then refused with {answer!.Code}");
                    else (wish.Fate, wish.Code) = (Fate.Refused, answer!.Code);
                    break;
                default:
                    Wrong.Enqueue($"{wish.Id} was answered {told} {answer!.Code}");
                    break;
            }

            if (told is 503 or 504 && answer!.RetryAfter is null) Wrong.Enqueue($"{answer.Code} without Retry-After");
        }
    }

    private void RecordOrder(Wish wish, Answer answer)
    {
        var sequence = answer.Body.GetProperty("sequence").GetInt64();
        var hash = answer.Body.GetProperty("hash").GetString()!;
        uint[] tickets = [.. answer.Body.GetProperty("tickets").EnumerateArray()
            .Select(ticket => ticket.GetProperty("number").GetUInt32())];
        if (wish.Fate is Fate.Done)
        {
            if (wish.Sequence != sequence || wish.Hash != hash || !wish.Tickets.SequenceEqual(tickets))
                Wrong.Enqueue(
                    $"{wish.Id} was sequence {wish.Sequence} with tickets {string.Join(
                    ' ', wish.Tickets)}, and is now {sequence} with {string.Join(' ', tickets)}");
            return;
        }

        if (tickets.Length != wish.Quantity) Wrong.Enqueue($"{wish.Id} has {tickets.Length} tickets for {wish.Quantity}");
        (wish.Sequence, wish.Hash, wish.Tickets) = (sequence, hash, tickets);
        wish.Fate = Fate.Done;
        Interlocked.Increment(ref _done);
    }
}
