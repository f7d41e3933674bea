using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Tests;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>A store that keeps who watches waiting, or fails them, while it serves everybody else.</summary>
internal sealed class HeldStore(ISaleStore store) : ISaleStore
{
    private readonly ManualResetEventSlim _opens = new(true), _reads = new(true);
    private int _waiting;
    private volatile bool _isDamaged;

    /// <summary>Readers that are kept waiting.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public bool IsDamaged
    {
        set => _isDamaged = value;
    }

    public string Name => store.Name;

    public Identities Identities => store.Identities;

    public ISecrets Secrets => store.Secrets;

    public void HoldOpening() => _opens.Reset();

    public void HoldReading() => _reads.Reset();

    public void LetGo()
    {
        _opens.Set();
        _reads.Set();
    }

    public IEnumerable<string> Sales() => store.Sales();

    public bool Has(string sale) => store.Has(sale);

    public bool TryCreate(string sale, Plan plan, string? by = null) => store.TryCreate(sale, plan, by);

    public IJournal Open(string sale) => store.Open(sale);

    public IJournal OpenToRead(string sale)
    {
        Pass(_opens);
        return new Journal(this, store.OpenToRead(sale));
    }

    public void Dispose() => store.Dispose();

    private void Pass(ManualResetEventSlim gate)
    {
        Interlocked.Increment(ref _waiting);
        gate.Wait(TimeSpan.FromSeconds(60));
        Interlocked.Decrement(ref _waiting);
    }

    private sealed class Journal(HeldStore held, IJournal journal) : PassThroughJournal(journal)
    {
        public override void ReadBatches(EntryReader reader, int most)
        {
            held.Pass(held._reads);
            if (held._isDamaged) throw new JournalDamagedException("It is not what was written.", 4, 1);
            base.ReadBatches(reader, most);
        }
    }
}
