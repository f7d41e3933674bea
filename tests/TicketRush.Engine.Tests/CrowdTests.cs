namespace TicketRush.Engine.Tests;

/// <summary>
/// Goal: no sequence of requests, however odd, makes the sale answer otherwise than the obvious model, lose or make a place,
/// or break a limit; and a sale rebuilt from its entries answers everything as the one that wrote them.
/// Method: a seeded crowd asks at random, often for what it asked before; after each step the answers and the counts are
/// compared. A failing seed reproduces the run exactly.
/// </summary>
public class CrowdTests
{
    private const int Steps = 3_000;

    private static readonly CommandKind[] Kinds =
    [
        .. Enumerable.Repeat(CommandKind.Hold, 24), .. Enumerable.Repeat(CommandKind.Purchase, 8),
        .. Enumerable.Repeat(CommandKind.Pay, 16), .. Enumerable.Repeat(CommandKind.Extend, 10),
        .. Enumerable.Repeat(CommandKind.Release, 8), .. Enumerable.Repeat(CommandKind.Refund, 14),
        .. Enumerable.Repeat(CommandKind.FindHold, 4), .. Enumerable.Repeat(CommandKind.FindOrder, 4),
        .. Enumerable.Repeat(CommandKind.Plan, 4), .. Enumerable.Repeat(CommandKind.Open, 4), CommandKind.Pause, CommandKind.Close,
    ];

    [Fact]
    public void A_random_crowd_gets_the_answers_of_the_obvious_model()
    {
        foreach (var seed in Seeds.Of(20)) new Run(seed).Play();
    }

    private sealed class Run(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly Script _script = new();
        private readonly Model _model = new();
        private readonly List<Command> _asked = [];

        public void Play()
        {
            Ask(0, new() { Kind = CommandKind.Plan, Plan = FirstPlan() });
            for (var step = 1; step <= Steps; step++)
            {
                if (_random.Next(3) == 0) _script.Wait(Pause());
                if (_random.Next(8) == 0) Expire(step, _random.Next(2) == 0 ? int.MaxValue : _random.Next(1, 4));
                Ask(step, _random.Next(5) == 0 ? _asked[_random.Next(_asked.Count)] : Think());
                Compare(step);
            }

            ReplayAnswersTheSame();
        }

        // Now and then a long silence, else a moment or exactly to the next whole second, where holds end.
        private int Pause() =>
            _random.Next(40) == 0 ? _random.Next(200_000)
            : _random.Next(2) == 0 ? _random.Next(3_000)
            : 1000 - (int)(_script.NowMs % 1000);

        private Plan FirstPlan() => Plans.Concert with
        {
            OpensAtMs = seed % 2 == 0 ? null : 20_000,
            ClosesAtMs = seed % 4 == 0 ? 2_500_000 : null,
            PaymentKind = (PaymentKind)(seed % 3 + 1),
            Pools = [new("ga", 60, 5), new("box", 12, 0)],
            Rules = new(HoldSeconds: seed % 5 * 10 + 5, Extensions: seed % 4, PerOrder: 5, PerBuyer: 9),
        };

        private void Ask(int step, Command command)
        {
            _asked.Add(command);
            var (expected, answer) = (_model.Ask(command, _script.NowMs), _script.Ask(command));
            var same = expected[0] == answer[0] && expected.All(answer.Contains) && _model.Sequence == _script.Entries.Count;
            var where = $"Seed {seed}, step {step}, {command.Kind}";
            Assert.True(same, $"{where}: expected {Text(expected)}\n  but the answer was: {Text(answer)}");
        }

        private void Expire(int step, int bound)
        {
            for (; bound > 0; bound--)
            {
                var due = _model.AnyDue(_script.NowMs);
                Assert.True(due == (_script.Expire(1) == 1), $"Seed {seed}, step {step}: due is {due}, and the timer did otherwise.");
                if (!due) return;
                var hold = _script.Entries[^1].Hold;
                Assert.True(_model.Expire(hold, _script.NowMs), $"Seed {seed}, step {step}: {hold} was not due.");
            }
        }

        private void Compare(int step)
        {
            var sale = _script.Sale;
            for (var i = 0; i < sale.Plan!.Pools.Length; i++)
            {
                var (expected, count) = (_model.CountOf(i), sale.CountOf(i));
                Assert.True(expected == count, $"Seed {seed}, step {step}: {count} is not {expected}.");
            }

            var (wanted, found) = ((_model.Owed, _model.State, _model.Revision), (sale.Owed, sale.State, sale.Revision));
            Assert.True(wanted == found && _model.Plan == sale.Plan, $"Seed {seed}, step {step}: {found} is not {wanted}.");
        }

        private Command Think()
        {
            var kind = Kinds[_random.Next(Kinds.Length)];
            var command = new Command
            {
                Kind = kind,
                Plan = _script.Sale.Plan,
                Hold = new((UInt128)_random.Next(_asked.Count / 3 + 2)),
                Buyer = new((UInt128)_random.Next(30)),
                Reference = new((UInt128)_random.Next(3)),
                Key = _random.Next(2) == 0 ? default : new((UInt128)_random.Next(1, _asked.Count / 4 + 3)),
                Resell = _random.Next(4) != 0,
                Reason = "cannot-come",
                Revision = _script.Sale.Revision - (_random.Next(5) == 0 ? 1 : 0),
            };
            for (var i = _random.Next(1, 4); i > 0; i--)
            {
                var tiers = _script.Sale.Plan!.Tiers.Length + (_random.Next(30) == 0 ? 1 : 0);
                command.Lines.TryAdd((ushort)_random.Next(tiers), (ushort)_random.Next(1, 4));
            }

            if (kind == CommandKind.Plan) command.Plan = Changed(_script.Sale.Plan!);
            if (kind == CommandKind.Refund) Aim(ref command);
            return command;
        }

        // A ticket at random is nearly always another order's, so most refunds ask the order for its numbers first.
        private void Aim(ref Command command)
        {
            if (_random.Next(4) == 0) return;
            if (_script.Ask(new() { Kind = CommandKind.FindOrder, Hold = command.Hold })[0] != "Found Paid") return;
            var (first, places) = (_script.Reply.FirstTicket, _script.Reply.Lines.Places + (_random.Next(9) == 0 ? 1 : 0));
            command.Tickets = [.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => first + (uint)_random.Next(places))];
        }

        private Plan Changed(Plan plan) => _random.Next(7) switch
        {
            0 => plan.WithPrice("adult", _random.Next(500, 503)),
            1 => plan.WithPrice("vip", _random.Next(9_000)),
            2 => plan.With("ga", blocked: _random.Next(plan.Pools[0].Blocked + 1)),
            3 => plan.With("box", capacity: Math.Max(plan.Pools[1].Capacity + _random.Next(-3, 6), plan.Pools[1].Blocked)),
            4 => plan.With("ga", capacity: plan.Pools[0].Capacity + _random.Next(20)),
            5 => plan.Tiers.Length == 20 ? plan : plan with { Tiers = [.. plan.Tiers, new($"t{plan.Tiers.Length}", "T", "ga", 3)] },
            _ => plan with { Currency = "EUR" },
        };

        private void ReplayAnswersTheSame()
        {
            var (live, replayed) = (_script.Sale, Script.Replay(_script.Entries));
            Assert.True(live.Digest() == replayed.Digest(), $"Seed {seed}: the digests differ.");
            Assert.True((live.Plan, live.Owed) == (replayed.Plan, replayed.Owed), $"Seed {seed}: {replayed.Owed} is owed.");
            foreach (var command in _asked)
            {
                var (first, second) = (Answer(live, command), Answer(replayed, command));
                Assert.True(first == second, $"Seed {seed}, {command.Kind}: {first} live, {second} replayed.");
            }
        }

        private (Verdict, Refusal, long, HoldState, SaleState, long, (uint, UInt128, long, byte, bool, int)) Answer(
            Sale sale, Command command)
        {
            var (entry, reply) = (default(Entry), default(Reply));
            var verdict = sale.Decide(command, _script.NowMs, ref entry, ref reply);
            return (
                verdict, reply.Refusal, reply.Sequence, reply.State, reply.SaleState, reply.UntilMs,
                (reply.FirstTicket, reply.Refunded, reply.Amount, reply.Extensions, reply.Late, reply.Allowed));
        }

        private static string Text(string[] facts) => string.Join(", ", facts);
    }
}
