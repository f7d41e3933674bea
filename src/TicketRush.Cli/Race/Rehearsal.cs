using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>
/// What one process does before a race, about nothing: whatever it compiles when it does a thing first, and what it calls compiles, is
/// compiled then. Disposed of when it is over.
/// </summary>
internal sealed class Rehearsal : IDisposable
{
    /// <summary>The server's sales for it: one with enough for everybody, one with nothing.</summary>
    public const string Plenty = "rehearsal", Nothing = "rehearsal-sold-out";

    /// <summary>Buyers of each process with the server, which serves all of them.</summary>
    public const int BuyersOfServer = 20;

    /// <summary>Buyers: enough for every way that the work can take.</summary>
    private const int BuyersMax = 2_000;

    private readonly List<IDisposable> _means = [];
    private readonly CancellationTokenSource _over = new();
    private readonly string? _file, _data;
    private readonly Thread? _seller;

    private Rehearsal(Round round)
    {
        var alone = round with { First = 0, Count = Math.Min(round.Count, BuyersMax), DelayMs = 0, Start = null };
        if (round.Strategy == Strategy.Server)
        {
            alone = alone with { Count = BuyersOfServer };
            Rounds = [alone with { Sale = Plenty }, alone with { Sale = Nothing }];
            return;
        }

        if (round.Strategy == Strategy.Journal)
        {
            _data = Directory.CreateDirectory(Path.Combine(round.Data!, $"rehearsal-{Environment.ProcessId}")).FullName;
            Buying.MakeSale(_data, alone.Count);

            // Two, for each must also catch up with what the other decided.
            alone = alone with { Data = _data };
            Rounds = [alone, alone];
            return;
        }

        // Two lie there, and more than one asks: so what is refused is rehearsed too.
        _file = TicketFile.Beside(round.File);
        TicketFile.WriteInPlace(_file, round.Key, 2);
        alone = alone with { File = _file, Lock = round.Lock is null ? null : Keep(new SharedLock()) };
        if (round.Strategy != Strategy.Queue)
        {
            Rounds = [alone, alone];
            return;
        }

        var (wishes, answers) = (Keep(new SharedJoinableQueue<int>()), Keep(new SharedQueue<int>()));
        Rounds = [alone with { Wishes = wishes, Answers = answers }];
        var shop = new Shop
        {
            File = _file, Key = round.Key, DelayMs = 0, Wishes = wishes, Answers = [answers], Share = new(alone.Count, 1),
        };
        _seller = new(() =>
        {
            try
            {
                Seller.Sell(shop, _over.Token);
            }
            catch (OperationCanceledException)
            {
                // Everybody was served.
            }
        });
        _seller.Start();
    }

    /// <summary>At once.</summary>
    public IReadOnlyList<Round> Rounds { get; }

    public static Rehearsal Of(Round round) => new(round);

    public void Dispose()
    {
        _over.Cancel();
        _seller?.Join();
        _over.Dispose();
        foreach (var means in _means) means.Dispose();
        if (_file is not null) File.Delete(_file);
        if (_data is not null) Directory.Delete(_data, recursive: true);
    }

    private T Keep<T>(T means)
        where T : IDisposable
    {
        _means.Add(means);
        return means;
    }
}
