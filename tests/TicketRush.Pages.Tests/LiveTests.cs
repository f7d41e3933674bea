using System.Text.Json;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

public sealed class LiveTests(Site site) : IClassFixture<Site>
{
    [Fact]
    public async Task The_present_snapshot_comes_at_once_and_its_id_is_the_sequence()
    {
        var sale = await site.OpenSaleAsync();
        await site.BuyAsync(sale, 2);
        using var viewer = await Viewer.WatchAsync(site, sale);
        var first = await viewer.NextAsync();
        Assert.Equal(98, first.Free);
        Assert.Equal(first.Json.GetProperty("sequence").GetInt64(), first.Id);

        // It is the answer of the availability, byte for byte.
        Assert.Equal(await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), first.Data);
    }

    [Fact]
    public async Task Who_comes_back_gets_the_present_snapshot_whatever_it_saw_last()
    {
        var sale = await site.OpenSaleAsync();
        using (var viewer = await Viewer.WatchAsync(site, sale)) await viewer.NextAsync();
        await site.BuyAsync(sale, 3);
        using var again = await Viewer.WatchAsync(site, sale, lastEventId: 1);
        Assert.Equal(97, (await again.NextAsync()).Free);
    }

    [Fact]
    public async Task In_a_rush_snapshots_are_left_out_ten_a_second_are_not_passed_and_the_last_one_comes()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(capacity: 1_000, perBuyer: 1_000));
        using var viewer = await Viewer.WatchAsync(site, sale);
        var start = Environment.TickCount64;
        for (var i = 0; i < 300; i++) await site.BuyAsync(sale, 1);
        var seen = new List<Viewer.Update>();
        do seen.Add(await viewer.NextAsync());
        while (seen[^1].Free != 700);

        var seconds = (Environment.TickCount64 - start) / 1000.0;
        Assert.InRange(seen.Count, 1, 10 * seconds + 2);
        Assert.Equal(seen.Select(update => update.Id).Order().Distinct(), seen.Select(update => update.Id));
    }

    [Fact]
    public async Task A_state_that_changes_by_the_clock_alone_is_told()
    {
        var opens = DateTimeOffset.UtcNow.AddSeconds(2).ToString("yyyy-MM-ddTHH:mm:ss'Z'");
        var sale = await site.OpenSaleAsync(Site.Plan(opensAt: opens));
        using var viewer = await Viewer.WatchAsync(site, sale);
        Assert.Equal("scheduled", (await viewer.NextAsync()).State);
        Assert.Equal("open", (await viewer.NextAsync()).State);
    }

    [Fact]
    public async Task Viewers_are_bounded_in_all_and_by_network_and_one_who_goes_makes_room()
    {
        await using var small = await Site.StartAsync(options => options with { ViewersMax = 3, ViewersPerNetwork = 2 });
        var sale = await small.OpenSaleAsync();
        using var first = await Viewer.WatchAsync(small, sale);
        using (var second = await Viewer.WatchAsync(small, sale))
        {
            using var refused = await small.Office.GetAsync($"/api/sales/{sale}/live", HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(503, (int)refused.StatusCode);
            Assert.NotNull(refused.Headers.RetryAfter);
            Assert.Contains("BUSY", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await Site.UntilAsync(async () =>
        {
            using var third = await small.Office.GetAsync($"/api/sales/{sale}/live", HttpCompletionOption.ResponseHeadersRead);
            return third.IsSuccessStatusCode;
        }, "room for a viewer");
    }

    [Fact]
    public async Task One_who_does_not_read_holds_up_nobody_and_sees_the_newest_when_it_does()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(capacity: 5_000, perBuyer: 5_000));
        using var asleep = await Viewer.WatchAsync(site, sale);
        using var awake = await Viewer.WatchAsync(site, sale);
        for (var i = 0; i < 100; i++) await site.BuyAsync(sale, 1);
        while ((await awake.NextAsync()).Free != 4_900)
        {
        }

        while ((await asleep.NextAsync()).Free != 4_900)
        {
        }
    }

    [Fact]
    public async Task A_server_that_stops_waits_for_no_viewer()
    {
        var small = await Site.StartAsync();
        var sale = await small.OpenSaleAsync();
        using var viewer = await Viewer.WatchAsync(small, sale);
        await viewer.NextAsync();
        var start = Environment.TickCount64;
        await small.App.StopAsync();
        Assert.InRange(Environment.TickCount64 - start, 0, 10_000);
        await small.DisposeAsync();
    }

    [Fact]
    public async Task There_is_nothing_to_watch_where_there_is_no_sale()
    {
        using var answer = await site.Office.GetAsync("/api/sales/nothing/live");
        Assert.Equal(404, (int)answer.StatusCode);
    }

    private sealed class Viewer(HttpResponseMessage answer, StreamReader reader) : IDisposable
    {
        public static async Task<Viewer> WatchAsync(Site site, string sale, long? lastEventId = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/sales/{sale}/live");
            if (lastEventId is { } id) request.Headers.Add("Last-Event-ID", id.ToString());
            var answer = await site.Office.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
            return new(answer, new(await answer.Content.ReadAsStreamAsync()));
        }

        public async Task<Update> NextAsync()
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            long id = 0;
            while (true)
            {
                var line = await reader.ReadLineAsync(late.Token) ?? throw new EndOfStreamException();
                if (line.StartsWith("id: ", StringComparison.Ordinal)) id = long.Parse(line[4..]);
                else if (line.StartsWith("data: ", StringComparison.Ordinal)) return new(id, line[6..]);
            }
        }

        public void Dispose()
        {
            reader.Dispose();
            answer.Dispose();
        }

        internal sealed record Update(long Id, string Data)
        {
            public JsonElement Json => JsonDocument.Parse(Data).RootElement;

            public int Free => Json.GetProperty("tiers")[0].GetProperty("available").GetInt32();

            public string State => Json.GetProperty("state").GetString()!;
        }
    }
}
