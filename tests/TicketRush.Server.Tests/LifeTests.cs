using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

public sealed class LifeTests(RunningServer server) : IClassFixture<RunningServer>
{
    [Fact]
    public async Task A_sale_lives_from_its_plan_to_a_refund()
    {
        var sale = RunningServer.NewSale();
        var created = (await server.PutAsync(sale, Plans.Concert(capacity: 10))).Is(200);
        Assert.Equal(("draft", 2), (created.State, created.Sequence));
        Assert.Equal("\"2\"", created.ETag);
        Assert.Equal("open", (await server.PostAsync($"{sale}/open")).Is(200).State);

        var hold = $"{sale}/holds/{Plans.NewId()}";
        var held = (await server.PutAsync(hold, Plans.Hold(quantity: 3))).Is(200);
        Assert.Equal(("held", 4, 114_000), (held.State, (int)held.Sequence, held.Json.GetProperty("total").GetInt32()));
        Assert.Equal("CNY", held.Json.GetProperty("currency").GetString());
        Assert.Equal((3, 7), await HeldAndFreeAsync(sale));

        var extended = (await server.PostAsync($"{hold}/extend", null, ("Idempotency-Key", "more time"))).Is(200);
        Assert.Equal(1, extended.Json.GetProperty("extensions").GetInt32());
        Assert.Equal(TimeSpan.FromSeconds(600), ExpiryOf(extended) - ExpiryOf(held));

        var paid = (await server.PostAsync($"{hold}/pay", Plans.Pay("bank 1"))).Is(200);
        Assert.Equal(("paid", 6), (paid.State, (int)paid.Sequence));
        Assert.Equal([1, 2, 3], TicketsOf(paid));

        var order = hold.Replace("/holds/", "/orders/", StringComparison.Ordinal);
        Assert.Equal(paid.Text, (await server.GetAsync(order)).Is(200).Text);
        Assert.Equal("paid", (await server.GetAsync(hold)).Is(200).State);

        var one = (await server.PostAsync($"{order}/refund", Plans.Refund(tickets: "2"), ("Idempotency-Key", "refund 1"))).Is(200);
        Assert.Equal(38_000, one.Json.GetProperty("amount").GetInt32());
        Assert.Equal("partly-refunded", (await server.GetAsync(order)).Is(200).State);
        (await server.PostAsync($"{order}/refund", Plans.Refund(resell: false), ("Idempotency-Key", "refund 2"))).Is(200);
        Assert.Equal("refunded", (await server.GetAsync(order)).Is(200).State);

        // One came back on sale; two were kept from it.
        var pool = (await server.GetAsync($"{sale}/availability")).Json.GetProperty("pools")[0];
        Assert.Equal(
            (2, 8, 0), (pool.GetProperty("blocked").GetInt32(), pool.GetProperty("free").GetInt32(), pool.GetProperty("sold").GetInt32()));
    }

    [Fact]
    public async Task Released_places_are_free_again_and_a_lapsed_hold_frees_its_own()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(capacity: 10, holdSeconds: 1));
        var hold = $"{sale}/holds/{Plans.NewId()}";
        (await server.PutAsync(hold, Plans.Hold(quantity: 4))).Is(200);
        Assert.Equal("released", (await server.DeleteAsync(hold)).Is(200).State);
        Assert.Equal((0, 10), await HeldAndFreeAsync(sale));

        var lapsing = $"{sale}/holds/{Plans.NewId()}";
        (await server.PutAsync(lapsing, Plans.Hold(quantity: 4))).Is(200);
        await Plans.UntilAsync(async () => (await server.GetAsync(lapsing)).State == "expired", "the hold's end");
        await Plans.UntilAsync(async () => await HeldAndFreeAsync(sale) == (0, 10), "the lapsed places");

        // While the places are there, a late payment is good.
        var paid = (await server.PostAsync($"{lapsing}/pay", Plans.Pay("late"))).Is(200);
        Assert.True(paid.Json.GetProperty("late").GetBoolean());
    }

    [Fact]
    public async Task A_paused_or_closed_sale_sells_nothing_new_and_goes_on_with_the_rest()
    {
        var sale = await server.OpenSaleAsync();
        var hold = $"{sale}/holds/{Plans.NewId()}";
        (await server.PutAsync(hold, Plans.Hold())).Is(200);

        Assert.Equal("paused", (await server.PostAsync($"{sale}/pause")).Is(200).State);
        (await server.PutAsync($"{sale}/holds/{Plans.NewId()}", Plans.Hold())).Is(409, "SALE_PAUSED");
        (await server.PutAsync(hold, Plans.Hold())).Is(200);
        Assert.Equal("closed", (await server.PostAsync($"{sale}/close")).Is(200).State);
        (await server.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order())).Is(409, "SALE_CLOSED");
        (await server.PostAsync($"{hold}/pay", Plans.Pay("r"))).Is(200);

        Assert.Equal("open", (await server.PostAsync($"{sale}/open")).Is(200).State);
        (await server.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order())).Is(200);
    }

    [Fact]
    public async Task The_list_of_orders_comes_in_pages_and_names_nobody()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(capacity: 1_000, perBuyer: 1_000));
        var ids = Enumerable.Range(0, 205).Select(_ => Plans.NewId()).ToArray();
        var made = await Task.WhenAll(ids.Select(id => server.PutAsync($"{sale}/orders/{id}", Plans.Order("the buyer", quantity: 1))));
        Assert.All(made, order => order.Is(200));

        var seen = new List<long>();
        var sizes = new List<int>();
        for (var after = "0"; after is not null;)
        {
            var page = (await server.SendAsync("GET", $"{sale}/orders?after={after}", null, RunningServer.Key)).Is(200);
            var orders = page.Json.GetProperty("orders").EnumerateArray().ToArray();
            Assert.All(orders, order => Assert.False(order.TryGetProperty("id", out _)));
            Assert.DoesNotContain("the buyer", page.Text, StringComparison.Ordinal);
            seen.AddRange(orders.Select(order => order.GetProperty("sequence").GetInt64()));
            sizes.Add(orders.Length);
            after = page.Json.TryGetProperty("next", out var next) ? next.GetRawText() : null;
        }

        Assert.Equal([100, 100, 5], sizes);
        Assert.Equal(made.Select(order => order.Sequence).Order(), seen);
    }

    [Fact]
    public async Task Availability_is_sent_again_only_when_something_has_changed()
    {
        var sale = await server.OpenSaleAsync();
        var first = (await server.GetAsync($"{sale}/availability")).Is(200);
        Assert.Equal("\"3-open\"", first.ETag);

        var same = (await server.GetAsync($"{sale}/availability", ("If-None-Match", first.ETag!))).Is(304);
        Assert.Equal(("", first.ETag), (same.Text, same.ETag));

        (await server.PutAsync($"{sale}/holds/{Plans.NewId()}", Plans.Hold())).Is(200);
        var second = (await server.GetAsync($"{sale}/availability", ("If-None-Match", first.ETag!))).Is(200);
        Assert.Equal(4, second.Sequence);
        Assert.NotEqual(first.Hash, second.Hash);
    }

    [Fact]
    public async Task A_sale_that_closes_by_the_clock_says_so_in_its_availability()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(closesAt: $"{DateTime.UtcNow.AddSeconds(3):yyyy-MM-ddTHH:mm:ss}Z"));
        Assert.Equal("open", (await server.GetAsync($"{sale}/availability")).Is(200).State);
        await Plans.UntilAsync(async () => (await server.GetAsync(sale)).State == "closed", "the closing time");

        var closed = (await server.GetAsync($"{sale}/availability", ("If-None-Match", "\"3-open\""))).Is(200);
        Assert.Equal(("\"3-closed\"", "closed"), (closed.ETag, closed.State));
    }

    private async Task<(int Held, int Free)> HeldAndFreeAsync(string sale)
    {
        var pool = (await server.GetAsync($"{sale}/availability")).Is(200).Json.GetProperty("pools")[0];
        return (pool.GetProperty("held").GetInt32(), pool.GetProperty("free").GetInt32());
    }

    private static DateTimeOffset ExpiryOf(Answer answer) => answer.Json.GetProperty("expiresAt").GetDateTimeOffset();

    private static int[] TicketsOf(Answer order) =>
        [.. order.Json.GetProperty("tickets").EnumerateArray().Select(ticket => ticket.GetProperty("number").GetInt32())];
}
