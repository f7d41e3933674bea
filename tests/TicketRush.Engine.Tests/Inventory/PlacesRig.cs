namespace TicketRush.Engine.Tests.Inventory;

/// <summary>
/// A sale with seats and journeys, asked as the sequencer asks it: what is due ends first, and after every entry the offers that
/// it causes are made. Everything that the entries say is written down a second time, by seat and leg, and checked after each of them.
/// </summary>
internal sealed class PlacesRig
{
    public sealed class Holder
    {
        public HoldState State;
        public required PricedLines Lines;
        public required (int Pool, int Seat, int From, int To)[] Places;
        public required ulong[] Passengers;
        public UInt128 Gone;
        public long UntilMs;
        public int Arrival;
        public HoldId Id;
        public bool Paid => State == HoldState.Paid;
        public bool Has(int place) => State is HoldState.Held or HoldState.Paid && (Gone >> place & 1) == 0;
    }

    private Entry _entry;
    private Reply _reply;

    public Sale Sale { get; } = new();
    public List<Entry> Entries { get; } = [];
    public Dictionary<HoldId, Holder> Holders { get; } = [];
    public string Where { get; set; } = "";
    public long NowMs { get; set; }
    public ref Reply Reply => ref _reply;

    public PlacesRig(Plan plan)
    {
        Assert.Equal(Verdict.Entry, Ask(new() { Kind = CommandKind.Plan, Plan = plan }));
        Assert.Equal(Verdict.Entry, Ask(new() { Kind = CommandKind.Open }));
    }

    public Verdict Ask(Command command)
    {
        command.Plan ??= Sale.Plan;
        while (true)
        {
            Settle();
            var before = Sale.Digest();
            var verdict = Sale.Decide(command, NowMs, ref _entry, ref _reply);
            Assert.True(before == Sale.Digest(), $"{Where}: deciding changed the sale");
            if (verdict is Verdict.Entry or Verdict.ExpireFirst) Record();
            if (verdict == Verdict.ExpireFirst) continue;
            if (verdict == Verdict.Entry) _reply.Sequence = Entries.Count;
            return verdict;
        }
    }

    public void Expire()
    {
        while (Sale.TryExpire(NowMs, ref _entry)) Record();
    }

    public void Settle()
    {
        while (Sale.TryOffer(NowMs, ref _entry))
        {
            var first = Waiting().First(Fits);
            Assert.True(first.Id == _entry.Hold, $"{Where}: another came first");
            Record();
        }

        if (Sale.State == SaleState.Open) Assert.False(Waiting().Any(Fits), $"{Where}: somebody waits who fits");
    }

    public void CheckReplay()
    {
        var replayed = new Sale();
        for (var i = 0; i < Entries.Count; i++) replayed.Apply(Entries[i], i + 1);
        Assert.True(replayed.Digest() == Sale.Digest(), $"{Where}: the replayed sale is another");
        Assert.Equal(Sale.WaitingCount, replayed.WaitingCount);
    }

    public static HoldId Hold(int number) => new((UInt128)number);

    private IEnumerable<Holder> Waiting() =>
        Holders.Values.Where(holder => holder.State == HoldState.Waiting).OrderBy(holder => holder.Arrival);

    private bool Fits(Holder waiter)
    {
        var (pool, _, from, to) = waiter.Places[0];
        return Sale.PlacesOf(pool) is { } places ? places.Fits(waiter.Places.Length, from, to) : Sale.CountOf(pool)
            .Free >= waiter.Places.Length;
    }

    private void Record()
    {
        Entries.Add(_entry);
        Sale.Apply(_entry, Entries.Count);
        Note(_entry);
        Check();
    }

    private void Note(in Entry entry)
    {
        switch (entry.Kind)
        {
            case EntryKind.HeldPlaces: Place(entry, HoldState.Held); break;
            case EntryKind.PurchasedPlaces: Place(entry, HoldState.Paid); break;
            case EntryKind.Waited: Place(entry, HoldState.Waiting); break;
            case EntryKind.Offered:
                var waiter = Holders[entry.Hold];
                Assert.Equal(HoldState.Waiting, waiter.State);
                (waiter.State, waiter.UntilMs) = (HoldState.Held, entry.UntilMs);
                for (var i = 0; i < waiter.Places.Length; i++) waiter.Places[i].Seat = entry.Seats.AsSpan()[i];
                break;
            case EntryKind.Paid:
                Assert.Equal(entry.Late ? HoldState.Expired : HoldState.Held, Holders[entry.Hold].State);
                Holders[entry.Hold].State = HoldState.Paid;
                break;
            case EntryKind.Released: Holders[entry.Hold].State = HoldState.Released; break;
            case EntryKind.Left: Holders[entry.Hold].State = HoldState.Released; break;
            case EntryKind.Expired: Holders[entry.Hold].State = HoldState.Expired; break;
            case EntryKind.Refunded: Holders[entry.Hold].Gone |= entry.Tickets; break;
            case EntryKind.Exchanged:
                var old = Holders[entry.Of];
                if (old.Paid) old.Gone |= entry.Tickets;
                else old.State = HoldState.Released;
                Place(entry, entry.FirstTicket != 0 ? HoldState.Paid : HoldState.Held);
                break;
            case EntryKind.Numbered:
                var next = 0;
                foreach (var holder in Holders.Values.OrderBy(holder => holder.Arrival))
                {
                    for (var i = 0; i < holder.Places.Length; i++)
                    {
                        if (holder.Places[i].Pool == entry.Pool && holder.Has(i)) holder.Places[i].Seat = entry.Numbers![next++];
                    }
                }

                break;
        }
    }

    private void Place(in Entry entry, HoldState state)
    {
        var places = new List<(int, int, int, int)>();
        for (var i = 0; i < entry.Lines.Count; i++)
        {
            var pool = Sale.Plan!.PoolNamed(Sale.Plan.Tiers[entry.Lines[i].Tier].Pool);
            var (from, to) = Sale.Plan.Pools[pool].Travel == Travel.None ? (0, 1) : (entry.From, entry.To);
            for (var k = 0; k < entry.Lines[i].Quantity; k++)
                places.Add((pool, state == HoldState.Waiting ? -1 : entry.Seats.AsSpan()[places.Count], from, to));
        }

        Holders.Add(entry.Hold, new()
        {
            Id = entry.Hold, State = state, Lines = entry.Lines, Places = [.. places], Passengers = entry.Passengers.AsSpan().ToArray(),
                Arrival = Holders.Count,
            UntilMs = entry.UntilMs,
        });
    }

    private void Check()
    {
        var plan = Sale.Plan!;
        var (owned, passengers) = (new HashSet<(int, int, int)>(), new HashSet<(ulong, int)>());
        var load = plan.Pools.Select(pool => new int[pool.Travel == Travel.None ? 1 : plan.Legs]).ToArray();
        var (held, sold) = (new int[load.Length], new int[load.Length]);
        for (var pool = 0; pool < load.Length; pool++)
        {
            foreach (var (seat, from, to) in plan.Pools[pool].Blocks ?? []) Own(pool, seat, from, to, isBlock: true);
        }

        foreach (var holder in Holders.Values)
        {
            for (var i = 0; i < holder.Places.Length; i++)
            {
                var (pool, seat, from, to) = holder.Places[i];
                if (holder.Passengers.Length > 0 && (holder.Has(i) || holder.State == HoldState.Waiting))
                {
                    for (var leg = from; leg < (plan.Pools[pool].Travel == Travel.None ? plan.Legs : to); leg++)
                        Assert.True(passengers.Add((holder.Passengers[i], leg)), $"{Where}: a passenger is twice on leg {leg}");
                }

                if (!holder.Has(i)) continue;
                Own(pool, seat, from, to);
                (holder.Paid ? sold : held)[pool] += to - from;
            }
        }

        for (var pool = 0; pool < load.Length; pool++)
        {
            var (count, blocked) = (Sale.CountOf(pool), plan.Pools[pool].Blocked);
            var capacity = plan.Pools[pool].Capacity;
            Assert.True((held[pool], sold[pool], blocked) == (count.Held, count.Sold, count.Blocked),
                $"{Where}: pool {pool} has {count}, and {held[pool]} and {sold[pool]}");
            Assert.True(count.Free >= 0 && count.Capacity == capacity * load[pool].Length, $"{Where}: {count}");
            if (plan.Pools[pool].HasPlaces) Assert.True(load[pool].Max() <= capacity, $"{Where}: a leg of pool {pool} is oversold");
        }

        void Own(int pool, int seat, int from, int to, bool isBlock = false)
        {
            for (var leg = from; leg < to; leg++)
            {
                load[pool][leg]++;
                var isLater = plan.Pools[pool].Travel == Travel.SeatLater && !Sale.IsNumbered(pool);
                if (plan.Pools[pool].Layout is null || (isLater && (!isBlock || seat < 0))) Assert.Equal(-1, seat);
                else Assert.True(seat >= 0 && seat < plan.Pools[pool].Capacity && owned.Add((pool, seat, leg)),
                    $"{Where}: seat {seat} of pool {pool} twice on leg {leg}");
            }
        }
    }
}
