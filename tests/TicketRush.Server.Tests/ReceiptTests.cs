using System.Text.RegularExpressions;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

public sealed partial class ReceiptTests(RunningServer server) : IClassFixture<RunningServer>
{
    [Fact]
    public async Task Every_answer_rests_on_the_batch_whose_hash_and_time_it_shows()
    {
        var sale = await server.CreateSaleAsync(Plans.Concert(holdSeconds: 1));
        var all = await WholeLifeAsync(sale);

        var chain = Chain.Read(server.JournalOf(sale));
        Assert.All(all.Values, answer =>
        {
            Assert.Matches(HashPattern(), answer.Hash);
            var (_, _, hash, timeMs) = chain.Single(batch => batch.First <= answer.Sequence && answer.Sequence <= batch.Last);
            Assert.Equal(hash, answer.Hash);
            if (answer.Json.TryGetProperty("at", out var at)) Assert.Equal(timeMs, at.GetDateTimeOffset().ToUnixTimeMilliseconds());
        });

        var snapshot = ((Sales)server.App.Services.GetService(typeof(Sales))!).Find(sale[11..])!.Sequencer!.Snapshot!;
        var availability = (await server.GetAsync($"{sale}/availability")).Is(200);
        Assert.Equal((snapshot.Sequence, snapshot.Hash.ToString()), (availability.Sequence, availability.Hash));
    }

    [Fact]
    public async Task Every_repeated_request_gets_the_first_answer_byte_for_byte_also_after_a_restart()
    {
        var directory = Directory.CreateTempSubdirectory("rush-restart-").FullName;
        var (sale, requests) = ("/api/sales/again", new Requests());
        Dictionary<string, Answer> first;
        await using (var before = await RunningServer.StartAsync(directory))
        {
            (await before.PutAsync(sale, Plans.Concert(holdSeconds: 1))).Is(200);
            first = await requests.SendAsync(before, sale);
            AssertEqual(first, await requests.SendAsync(before, sale));
        }

        await using (var after = await RunningServer.StartAsync(directory)) AssertEqual(first, await requests.SendAsync(after, sale));
        Directory.Delete(directory, recursive: true);
    }

    private static void AssertEqual(Dictionary<string, Answer> first, Dictionary<string, Answer> again) =>
        Assert.All(first, answer => Assert.Equal(
            (answer.Key, answer.Value.Status, answer.Value.Text), (answer.Key, again[answer.Key].Status, again[answer.Key].Text)));

    private Task<Dictionary<string, Answer>> WholeLifeAsync(string sale) => new Requests().SendAsync(server, sale);

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex HashPattern();

    /// <summary>Every kind of change, the refused payment too; sent twice it repeats itself.</summary>
    private sealed class Requests
    {
        private readonly string[] _ids = [.. Enumerable.Range(0, 4).Select(_ => Plans.NewId())];
        private bool _lapsed;

        public async Task<Dictionary<string, Answer>> SendAsync(RunningServer server, string sale)
        {
            var all = new Dictionary<string, Answer>
            {
                ["open"] = await server.PostAsync($"{sale}/open", null, ("Idempotency-Key", "open")),
                ["hold"] = await server.PutAsync($"{sale}/holds/{_ids[0]}", Plans.Hold()),
                ["extend"] = await server.PostAsync($"{sale}/holds/{_ids[0]}/extend", null, ("Idempotency-Key", "extend")),
                ["pay"] = await server.PostAsync($"{sale}/holds/{_ids[0]}/pay", Plans.Pay("one")),
                ["pay twice"] = await server.PostAsync($"{sale}/holds/{_ids[0]}/pay", Plans.Pay("two")),
                ["order"] = await server.PutAsync($"{sale}/orders/{_ids[1]}", Plans.Order(quantity: 4)),
                ["refund"] = await server.PostAsync(
                    $"{sale}/orders/{_ids[1]}/refund", Plans.Refund(tickets: "4,5"), ("Idempotency-Key", "refund")),
                ["hold to release"] = await server.PutAsync($"{sale}/holds/{_ids[2]}", Plans.Hold("bob")),
                ["release"] = await server.DeleteAsync($"{sale}/holds/{_ids[2]}"),
                ["pause"] = await server.PostAsync($"{sale}/pause", null, ("Idempotency-Key", "pause")),
                ["open again"] = await server.PostAsync($"{sale}/open", null, ("Idempotency-Key", "open again")),
                ["hold to lapse"] = await server.PutAsync($"{sale}/holds/{_ids[3]}", Plans.Hold("cat")),
            };
            if (!_lapsed)
                await Plans.UntilAsync(async () => (await server.GetAsync($"{sale}/holds/{_ids[3]}")).State == "expired", "the hold's end");
            _lapsed = true;
            all["pay late"] = await server.PostAsync($"{sale}/holds/{_ids[3]}/pay", Plans.Pay("late"));

            all["pay twice"].Is(409, "ALREADY_PAID");
            Assert.Equal(76_000, all["pay twice"].Json.GetProperty("owedBack").GetInt32());
            Assert.All(all.Where(answer => answer.Key != "pay twice"), answer => answer.Value.Is(200));
            return all;
        }
    }
}

/// <summary>A journal as another reader sees it.</summary>
internal sealed class Chain : IBatchReader
{
    private readonly List<(long First, long Last, string Hash, long TimeMs)> _batches = [];

    public static List<(long First, long Last, string Hash, long TimeMs)> Read(string path)
    {
        var chain = new Chain();
        using var journal = FileJournal.Open(path);
        journal.Read(chain);
        return chain._batches;
    }

    public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries) =>
        _batches.Add((header.FirstSequence, header.LastSequence, header.Hash.ToString(), header.TimeMs));
}
