using System.Text.Json;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>
/// Goal: who watches a pool's seats knows, after every event, exactly which are free at the sequence that the event names; and is sent no
/// more than it needs. Method: a viewer that applies what it is sent, compared with what GET …/seats answers.
/// </summary>
public sealed class LiveSeatsTests(Site site) : IClassFixture<Site>
{
    [Fact]
    public async Task All_at_first_then_only_what_changed_and_it_is_what_the_seats_are()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Sample("hall-2000"));
        using var viewer = await Viewer.WatchAsync(site, sale, "stalls");
        Assert.Equal("seats", (await viewer.NextAsync()).Name);
        var random = new Random(7);
        for (var round = 0; round < 5; round++)
        {
            var holds = new List<Guid>();
            for (var i = 0; i < 6; i++) holds.Add(await HoldAsync(sale, "stalls", random.Next(1, 4)));
            (await site.Office.DeleteAsync($"/api/sales/{sale}/holds/{holds[0]}")).EnsureSuccessStatusCode();
            var (bits, sequence) = await SeatsAsync(sale, "stalls");
            do Assert.Equal("changed", (await viewer.NextAsync()).Name);
            while (viewer.Sequence < sequence);
            Assert.Equal(sequence, viewer.Sequence);
            Assert.Equal(bits, viewer.Bits);
        }
    }

    [Fact]
    public async Task Who_knows_a_sequence_goes_on_from_there_and_who_knows_one_too_old_is_told_all()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Sample("hall-2000"));
        var (start, before) = await SeatsAsync(sale, "stalls");

        // Somebody else watches, so that the changes since are known.
        using var first = await Viewer.WatchAsync(site, sale, "stalls");
        await first.NextAsync();
        await HoldAsync(sale, "stalls", 2);
        await first.NextAsync();
        var (bits, now) = await SeatsAsync(sale, "stalls");

        using var since = await Viewer.WatchAsync(site, sale, "stalls", $"?since={before}", start);
        Assert.Equal("changed", (await since.NextAsync()).Name);
        Assert.Equal((now, Convert.ToHexString(bits)), (since.Sequence, Convert.ToHexString(since.Bits)));

        // What a browser says that comes back counts for more than what its page was made with.
        using var back = await Viewer.WatchAsync(site, sale, "stalls", "?since=1", bits, lastEventId: now);
        await HoldAsync(sale, "stalls", 1);
        Assert.Equal("changed", (await back.NextAsync()).Name);
        Assert.Equal((await SeatsAsync(sale, "stalls")).Bits, back.Bits);
        Assert.InRange(back.Changed, 1, 2);

        foreach (var old in new[] { "?since=0", "?since=-5", "?since=many", "" })
        {
            using var late = await Viewer.WatchAsync(site, sale, "stalls", old);
            Assert.Equal("seats", (await late.NextAsync()).Name);
        }
    }

    [Fact]
    public async Task On_a_journey_it_is_the_seats_that_are_free_on_all_of_it()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Train(passengers: false));
        using var whole = await Viewer.WatchAsync(site, sale, "second");
        using var part = await Viewer.WatchAsync(site, sale, "second", "?from=beijing&to=nanjing");
        await whole.NextAsync();
        await part.NextAsync();
        await HoldAsync(sale, "second", 2, ",\"from\":\"nanjing\",\"to\":\"shanghai\"");
        await whole.NextAsync();
        Assert.Equal((await SeatsAsync(sale, "second")).Bits, whole.Bits);
        Assert.Equal(6, whole.Bits.Sum(bits => System.Numerics.BitOperations.PopCount(bits)));

        // The other half of the way nothing has changed, and nothing is said.
        await HoldAsync(sale, "second", 1, ",\"from\":\"beijing\",\"to\":\"nanjing\"");
        await part.NextAsync();
        Assert.Equal((await SeatsAsync(sale, "second", "?from=beijing&to=nanjing")).Bits, part.Bits);
    }

    [Theory]
    [InlineData("stalls/seats/live?from=a&to=b", 404, "UNKNOWN_STOP")]
    [InlineData("nothing/seats/live", 404, "UNKNOWN_POOL")]
    [InlineData("nothing/seats", 404, "UNKNOWN_POOL")]
    public async Task What_is_not_there_cannot_be_watched(string path, int status, string code)
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        using var answer = await site.Office.GetAsync($"/api/sales/{sale}/pools/{path}");
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Contains(code, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Seats_without_numbers_cannot_be_watched()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Train());
        foreach (var pool in new[] { "first", "standing" })
        {
            using var answer = await site.Office.GetAsync($"/api/sales/{sale}/pools/{pool}/seats/live");
            Assert.Equal(409, (int)answer.StatusCode);
        }
    }

    [Fact]
    public async Task Watchers_of_seats_count_as_viewers()
    {
        await using var small = await Site.StartAsync(options => options with { ViewersMax = 2, ViewersPerNetwork = 2 });
        var sale = await small.OpenSaleAsync(PlacesPlans.Hall());
        using var first = await Viewer.WatchAsync(small, sale, "stalls");
        using var second = await Viewer.WatchAsync(small, sale, "balcony");
        using var third = await small.Office.GetAsync($"/api/sales/{sale}/pools/stalls/seats/live",
            HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(503, (int)third.StatusCode);
    }

    private async Task<Guid> HoldAsync(string sale, string tier, int quantity, string more = "")
    {
        var id = Guid.NewGuid();
        var body = $$"""{"buyer":"{{id}}","items":[{"tier":"{{tier}}","quantity":{{quantity}}}]{{more}}}""";
        var answer = await site.Office.PutAsync($"/api/sales/{sale}/holds/{id}", Site.Json(body));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return id;
    }

    private async Task<(byte[] Bits, long Sequence)> SeatsAsync(string sale, string pool, string query = "")
    {
        var json = JsonDocument.Parse(await site.Office.GetStringAsync($"/api/sales/{sale}/pools/{pool}/seats{query}")).RootElement;
        return (json.GetProperty("free").GetBytesFromBase64(), json.GetProperty("sequence").GetInt64());
    }

    private sealed class Viewer(HttpResponseMessage answer, StreamReader reader, byte[] bits) : IDisposable
    {
        public byte[] Bits { get; private set; } = bits;

        public long Sequence { get; private set; }

        public int Changed { get; private set; }

        public static async Task<Viewer> WatchAsync(Site site, string sale, string pool, string query = "", byte[]? known = null,
            long? lastEventId = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/sales/{sale}/pools/{pool}/seats/live{query}");
            if (lastEventId is { } id) request.Headers.Add("Last-Event-ID", id.ToString());
            var answer = await site.Office.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
            return new(answer, new(await answer.Content.ReadAsStreamAsync()), [.. known ?? []]);
        }

        public async Task<(string Name, long Sequence)> NextAsync()
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            var (name, id) = ("", 0L);
            while (true)
            {
                var line = await reader.ReadLineAsync(late.Token) ?? throw new EndOfStreamException();
                if (line.StartsWith("id: ", StringComparison.Ordinal)) id = long.Parse(line[4..]);
                else if (line.StartsWith("event: ", StringComparison.Ordinal)) name = line[7..];
                else if (line.StartsWith("data: ", StringComparison.Ordinal))
                {
                    var json = JsonDocument.Parse(line[6..]).RootElement;
                    Sequence = json.GetProperty("sequence").GetInt64();
                    Assert.Equal(id, Sequence);
                    if (name == "seats") Bits = json.GetProperty("free").GetBytesFromBase64();
                    else
                    {
                        var changed = json.GetProperty("bytes").EnumerateArray().ToArray();
                        Changed = changed.Length;
                        foreach (var one in changed) Bits[one[0].GetInt32()] = one[1].GetByte();
                    }

                    return (name, Sequence);
                }
            }
        }

        public void Dispose()
        {
            reader.Dispose();
            answer.Dispose();
        }
    }
}
