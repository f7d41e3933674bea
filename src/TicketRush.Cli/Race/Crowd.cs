using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>
/// The processes of the buyers, started once and asked for one round after another; whatever was killed in a round is started anew for the
/// next. Their records are in shared memory.
/// </summary>
internal sealed class Crowd : IDisposable
{
    /// <summary>So many buyers in one process would share the processors with the runtime, which compiles anew what is used much.</summary>
    private const int ManyBuyers = 1_000;

    private const string Tiers = "DOTNET_TieredCompilation", Diagnostics = "DOTNET_EnableDiagnostics";

    private readonly Member?[] _members;

    /// <param name="buyers">How many want a ticket.</param>
    /// <param name="workers">How many processes they are in.</param>
    public Crowd(int buyers, int workers)
    {
        Share = new(buyers, Math.Min(workers, buyers));
        _members = new Member?[Share.Processes];
        if (Share.Count(0) >= ManyBuyers) SetUnlessSet(Tiers);

        // The runtime's sockets for debuggers stay in the temporary directory when a process is killed.
        SetUnlessSet(Diagnostics);
        Records = new(buyers);
    }

    public SharedArray<BuyerRecord> Records { get; }

    public Share Share { get; }

    public IReadOnlyList<Member> Members => _members!;

    /// <summary>Starts who is not there.</summary>
    /// <param name="progress">Told how many are there.</param>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public void Fill(Action<int> progress, CancellationToken stop)
    {
        for (var i = 0; i < _members.Length; i++)
        {
            stop.ThrowIfCancellationRequested();
            if (_members[i] is { Process.IsAlive: true, IsBusy: false }) continue;
            _members[i]?.Dispose();
            var (here, there) = Pipe.Create();
            var process = new ChildProcess(Buyers.RunAsync, there, Records) { Name = $"buyers-{i}", Daemon = true };
            process.Start();
            there.Dispose();
            _members[i] = new(process, here);
            progress(i + 1);
        }
    }

    private static void SetUnlessSet(string setting)
    {
        if (Environment.GetEnvironmentVariable(setting) is null) Environment.SetEnvironmentVariable(setting, "0");
    }

    /// <summary>Ends all of them, whatever they are doing.</summary>
    public void End()
    {
        foreach (var member in _members) member?.Dispose();
        Array.Clear(_members);
    }

    public void Dispose()
    {
        End();
        Records.Dispose();
    }

    internal sealed class Member(ChildProcess process, Connection rounds) : IDisposable
    {
        public ChildProcess Process { get; } = process;

        public Connection Rounds { get; } = rounds;

        /// <summary>Has a round and has neither ended it nor died.</summary>
        public bool IsBusy { get; private set; }

        /// <summary>Killed in this round because the race is to show what becomes of that.</summary>
        public bool WasKilled { get; private set; }

        public void Begin(Round round)
        {
            Rounds.Send(round, RaceJson.Default.Round);
            (IsBusy, WasKilled) = (true, false);
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

        public void Kill(bool onPurpose)
        {
            WasKilled |= onPurpose;
            Process.Kill();
            Process.Join();
        }

        public void Dispose()
        {
            Rounds.Dispose();
            if (Process.IsAlive) Kill(onPurpose: false);
            Process.Dispose();
        }
    }
}
