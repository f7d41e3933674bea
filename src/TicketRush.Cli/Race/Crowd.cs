using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>
/// The processes of the buyers, started once and asked for one round after another; whatever was killed in a round is started anew for the
/// next. Their records are in shared memory.
/// </summary>
internal sealed class Crowd : IDisposable
{
    private readonly Member[] _members;
    private readonly int _buyers;

    /// <param name="buyers">How many want a ticket.</param>
    /// <param name="workers">How many processes they are in.</param>
    public Crowd(int buyers, int workers)
    {
        _buyers = buyers;
        BuyersEach = (buyers + workers - 1) / workers;
        _members = new Member[(buyers + BuyersEach - 1) / BuyersEach];
        Records = new(buyers);
    }

    public SharedArray<BuyerRecord> Records { get; }

    /// <summary>How many buyers each process has, but for the last, which may have fewer.</summary>
    public int BuyersEach { get; }

    public IReadOnlyList<Member> Members => _members;

    public int First(int member) => member * BuyersEach;

    public int Count(int member) => Math.Min(BuyersEach, _buyers - First(member));

    /// <summary>Starts who is not there.</summary>
    /// <param name="progress">Told how many are there.</param>
    public void Fill(Action<int> progress)
    {
        for (var i = 0; i < _members.Length; i++)
        {
            if (_members[i] is { Process.IsAlive: true }) continue;
            _members[i]?.Dispose();
            var (here, there) = Pipe.Create();
            var process = new ChildProcess(Buyers.RunAsync, there, Records) { Name = $"buyers-{i}", Daemon = true };
            process.Start();
            there.Dispose();
            _members[i] = new(process, here);
            progress(i + 1);
        }
    }

    public void Dispose()
    {
        foreach (var member in _members) member?.Dispose();
        Records.Dispose();
    }

    internal sealed class Member(ChildProcess process, Connection rounds) : IDisposable
    {
        public ChildProcess Process { get; } = process;

        public Connection Rounds { get; } = rounds;

        /// <summary>Has a round and has neither ended it nor died.</summary>
        public bool IsBusy { get; private set; }

        public void Begin(Round round)
        {
            Rounds.Send(round, RaceJson.Default.Round);
            IsBusy = true;
        }

        public void Look()
        {
            if (!IsBusy) return;
            try
            {
                if (Rounds.Poll())
                {
                    Rounds.Receive();
                    IsBusy = false;
                }
            }
            catch (EndOfStreamException)
            {
                IsBusy = false;
            }

            if (!Process.IsAlive) IsBusy = false;
        }

        public void Kill()
        {
            Process.Kill();
            Process.Join();
        }

        public void Dispose()
        {
            Rounds.Dispose();
            if (Process.IsAlive) Kill();
            Process.Dispose();
        }
    }
}
