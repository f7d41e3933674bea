namespace TicketRush.Engine.Tests.Inventory;

/// <summary>
/// Goal: whatever is asked in whatever order, a seat has one owner on a leg, a passenger one seat, no place is lost or made, nobody
/// is given places past somebody who waits for them, deciding changes nothing, and the entries alone rebuild the sale.
/// Method: seeded crowds on small halls and trains; <see cref="PlacesRig"/> checks all of it after every entry.
/// </summary>
public class PlacesCrowdTests
{
    private static readonly StopPlan[] Stops = [.. "abcdef".Select(letter => new StopPlan($"{letter}", $"Stop {letter}"))];

    public static Plan Train { get; } = Plans.Concert with
    {
        Stops = Stops,
        Pools =
        [
            new("second", 12, 0) { Rows = [new("1", "1-2", "A-C", Wheelchair: "A"), new("2", "1-2", "A-C")], Travel = Travel.SeatNow },
            new("later", 6, 0) { Rows = [new("3", "1-2", "A-C")], Travel = Travel.SeatLater },
            new("standing", 4, 0) { Travel = Travel.Standing },
            new("meals", 5, 0),
        ],
        Tiers =
        [
            new("adult", "Adult", "second", 0) { LegPrices = [10, 20, 30, 40, 50] },
                new("child", "Child", "second", 0) { LegPrices = [5, 5, 5, 5, 5] },
            new("flex", "Flex", "later", 0) { PairPrices = [.. Enumerable.Range(0, 5)
                .Select(from => Enumerable.Range(1, 5 - from).Select(n => n * 7L).ToArray())] },
            new("stand", "Standing", "standing", 3), new("meal", "Meal", "meals", 8),
        ],
        Rules = new(HoldSeconds: 60, Extensions: 1, PerOrder: 6, PerBuyer: 9) { Waitlist = true },
    };

    public static Plan Hall { get; } = Plans.Concert with
    {
        Pools =
        [
            new("stalls", 22, 1) { Rows = [new("", "1-2", "1-8", Aisles: "4"), new("", "3", "1-6", Wheelchair: "1", Companion: "2")],
                Blocks = [new(3, 0, 1)], NoSingles = true },
            new("ga", 5, 1),
        ],
        Tiers = [new("adult", "Adult", "stalls", 900), new("child", "Child", "stalls", 300), new("floor", "Floor", "ga", 100)],
        Rules = new(HoldSeconds: 60, Extensions: 1, PerOrder: 6, PerBuyer: 9) { Waitlist = true },
    };

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void A_random_crowd(bool travels, bool passengers)
    {
        var plan = travels ? Train : Hall;
        var seen = new HashSet<string>();
        foreach (var seed in Seeds.Of(15)) new Run(plan with { Rules = plan.Rules with { Passengers = passengers } }, seed, seen).Play(700);

        // A crowd that never comes to something shows nothing about it.
        string[] wanted =
        [
            "HeldPlaces", "PurchasedPlaces", "Exchanged hold", "Exchanged order", "Waited", "Left", "Offered", "Paid", "Paid late",
                "Refunded blocked", "Expired", "Planned",
            "SoldOut", "NotEnough", "SeatTaken", "SeatReserved", "UnknownSeat", "BuyerLimit", "CannotExchange", "StillWaiting",
                "CapacityInUse",
            .. travels ? ["Numbered", "SeatsLater", "BadJourney", "PlanInvalid"] : (string[])["NotTogether", "LeavesSingle"],
                .. passengers ? ["BadPassengers", "PassengerOverlap"] : (string[])[],
        ];
        Assert.Empty(wanted.Except(seen));
    }

    private sealed class Run(Plan plan, int seed, HashSet<string> seen)
    {
        private readonly Random _random = new(seed);
        private readonly PlacesRig _rig = new(plan);
        private readonly List<Command> _asked = [];

        public void Play(int steps)
        {
            for (var step = 1; step <= steps; step++)
            {
                _rig.Where = $"seed {seed}, step {step}";
                if (_random.Next(6) == 0) _rig.NowMs += _random.Next(40_000);
                if (_random.Next(5) == 0) _rig.Expire();
                var command = _random.Next(8) == 0 && _asked.Count > 0 ? _asked[_random.Next(_asked.Count)] : Think();
                _asked.Add(command);
                _rig.Ask(command);
                if (_rig.Reply.Refusal != Refusal.None) seen.Add($"{_rig.Reply.Refusal}");
            }

            _rig.Settle();
            _rig.CheckReplay();
            foreach (var entry in _rig.Entries)
            {
                seen.Add(entry.Kind switch
                {
                    EntryKind.Exchanged => $"Exchanged {(entry.FirstTicket == 0 ? "hold" : "order")}",
                    EntryKind.Paid when entry.Late => "Paid late",
                    EntryKind.Refunded when !entry.Resell => "Refunded blocked",
                    _ => $"{entry.Kind}",
                });
            }
        }

        private Command Think()
        {
            var command = new Command
            {
                Kind = Pick(
                    (24, CommandKind.Hold), (8, CommandKind.Purchase), (12, CommandKind.Pay), (10, CommandKind.Release),
                        (14, CommandKind.Refund),
                    (12, CommandKind.Exchange), (18, CommandKind.Wait), (3, CommandKind.Extend), (2, CommandKind.FindHold),
                        (1, CommandKind.Pause), (4, CommandKind.Open),
                    (3, CommandKind.Plan), (_rig.Entries.Count > 300 ? 1 : 0, CommandKind.Number)),
                Plan = _rig.Sale.Plan,
                Hold = Any(),
                Of = Any(),
                Buyer = new((UInt128)_random.Next(12)),
                Reference = new((UInt128)_random.Next(1, 4)),
                Key = _random.Next(2) == 0 ? default : new((UInt128)_random.Next(1, 9_999)),
                Resell = _random.Next(6) != 0,
                Reason = "cannot-come",
                Revision = _rig.Sale.Revision,
                Pool = 1,
            };
            if (command.Kind == CommandKind.Plan) command.Plan = Changed(_rig.Sale.Plan!);
            if (command.Kind is not (CommandKind.Hold or CommandKind.Purchase or CommandKind.Exchange or CommandKind.Wait)) return command;

            command.Hold = PlacesRig.Hold(_rig.Holders.Count + 1);
            for (var i = command.Kind == CommandKind.Wait || _random.Next(3) > 0 ? 1 : 2; i > 0; i--)
                command.Lines.TryAdd((ushort)_random.Next(_rig.Sale.Plan!.Tiers.Length), (ushort)_random.Next(1, 4));
            if (_rig.Sale.Plan!.Stops is not null)
            {
                command.From = (ushort)_random.Next(_random.Next(20) == 0 ? 6 : 5);
                command.To = (ushort)_random.Next(command.From + (_random.Next(20) == 0 ? 0 : 1), 6);
                var travels = Enumerable.Range(0, command.Lines.Count)
                    .Any(i => _rig.Sale.Plan.Tiers[command.Lines[i].Tier].Pool != "meals");
                if (!travels) (command.From, command.To) = (0, 0);
            }

            command.Apart = command.Kind != CommandKind.Wait && _random.Next(3) == 0;
            if (command.Kind != CommandKind.Wait && _random.Next(12) == 0) command.Wheelchair = 1;
            if (command.Kind != CommandKind.Wait && _random.Next(3) == 0) command.Seats = Named(command);
            if (_rig.Sale.Plan.Rules.Passengers)
                command.Passengers = [.. Enumerable.Range(0, command.Lines.Places).Select(_ => (ulong)_random.Next(1, 60))];
            return command;
        }

        private int[] Named(in Command command)
        {
            var named = new List<int>();
            for (var i = 0; i < command.Lines.Count; i++)
            {
                var plan = _rig.Sale.Plan!;
                var pool = plan.Pools[plan.PoolNamed(plan.Tiers[command.Lines[i].Tier].Pool)];
                var first = _random.Next(pool.Capacity);
                for (var k = 0; k < command.Lines[i].Quantity; k++)
                    named.Add(pool.Rows is null || (pool.Travel == Travel.SeatLater && _random.Next(2) == 0) ? -1 : first + k);
            }

            return [.. named];
        }

        private Plan Changed(Plan plan)
        {
            var at = _random.Next(plan.Pools.Length);
            var pool = plan.Pools[at];
            if (pool.Rows is null) pool = pool with { Capacity = pool.Capacity + _random.Next(-1, 2) };
            else
            {
                var legs = pool.Travel == Travel.None ? 1 : plan.Legs;
                var seat = pool.Travel == Travel.SeatLater && _random.Next(2) == 0 ? -1 : _random.Next(pool.Capacity);
                var whole = legs == 1 || (pool.Travel == Travel.SeatLater && seat >= 0 && _random.Next(4) != 0);
                BlockPlan[] blocks = _random.Next(2) == 0
                    ? []
                    : [.. (pool.Blocks ?? []).Take(3), new(seat, whole ? 0 : _random.Next(3), whole ? legs : _random.Next(3, legs))];
                pool = pool with { Blocks = blocks, Blocked = blocks.Sum(block => block.To - block.From) };
            }

            return plan with { Pools = [.. plan.Pools.Select((old, i) => i == at ? pool : old)] };
        }

        private HoldId Any() => PlacesRig.Hold(_random.Next(Math.Max(1, _rig.Holders.Count - 30), _rig.Holders.Count + 2));

        private CommandKind Pick(params (int Weight, CommandKind Kind)[] kinds)
        {
            var at = _random.Next(kinds.Sum(kind => kind.Weight));
            return kinds.First(kind => (at -= kind.Weight) < 0).Kind;
        }
    }
}
