using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

public sealed class CrowdTests
{
    // Goal: whatever arrives at once, exactly what is there is sold, to nobody more than the limit, and nothing twice.
    // Method: 1,000 clients of 50 buyers ask for one of 100 places each, and each asks twice at the same moment.
    [Fact]
    public async Task A_thousand_clients_buy_a_hundred_places_and_not_one_more()
    {
        await using var server = await RunningServer.StartAsync();
        var sale = await server.OpenSaleAsync(Plans.Concert(capacity: 100, perOrder: 3, perBuyer: 3));
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var clients = Enumerable.Range(0, 1_000).Select(i => BuyTwiceAsync(server, sale, $"buyer {i % 50}", start.Task)).ToArray();
        start.SetResult();
        var answers = await Task.WhenAll(clients);

        var sold = answers.Where(pair => pair.First.Status == 200).ToArray();
        Assert.Equal(100, sold.Length);
        Assert.All(sold, pair => Assert.Equal(pair.First.Text, pair.Second.Text));
        Assert.All(answers, pair => Assert.Equal(pair.First.Status, pair.Second.Status));
        Assert.All(answers.Where(pair => pair.First.Status != 200), pair =>
            Assert.Contains(pair.First.Code, new[] { "SOLD_OUT", "BUYER_LIMIT" }));
        Assert.All(sold.GroupBy(pair => pair.Buyer), buyer => Assert.InRange(buyer.Count(), 1, 3));
        Assert.Equal(
            Enumerable.Range(1, 100),
            sold.Select(pair => pair.First.Json.GetProperty("tickets")[0].GetProperty("number").GetInt32()).Order());

        var availability = (await server.GetAsync($"{sale}/availability")).Is(200);
        Assert.Equal((103, 100), (availability.Sequence, availability.Json.GetProperty("pools")[0].GetProperty("sold").GetInt32()));
        Assert.Equal(103, Chain.Read(server.JournalOf(sale))[^1].Last);
    }

    // Two servers in one process take turns at the same lock as two processes do: it belongs to the open file.
    [Fact]
    public async Task Two_servers_on_one_directory_see_each_others_sales_and_never_oversell()
    {
        await using var first = await RunningServer.StartAsync();
        await using var second = await RunningServer.StartAsync(first.Directory);
        var sale = await first.OpenSaleAsync(Plans.Concert(capacity: 100, perOrder: 1, perBuyer: 3));
        Assert.Equal("open", (await second.GetAsync(sale)).Is(200).State);
        Assert.Contains(sale[11..], (await second.GetAsync("/api/sales")).Text, StringComparison.Ordinal);

        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var clients = Enumerable.Range(0, 300).Select(async i =>
        {
            var (id, buyer) = (Plans.NewId(), $"buyer {i % 60}");
            await start.Task;
            var both = await Task.WhenAll(BuyAsync(first, sale, id, buyer), BuyAsync(second, sale, id, buyer));
            return (Buyer: buyer, First: both[0], Second: both[1]);
        }).ToArray();
        start.SetResult();
        var answers = await Task.WhenAll(clients);

        Assert.Equal(100, answers.Count(pair => pair.First.Status == 200));
        Assert.All(answers, pair => Assert.Equal(pair.First.Status, pair.Second.Status));
        Assert.All(answers.Where(pair => pair.First.Status == 200), pair => Assert.Equal(pair.First.Text, pair.Second.Text));

        await Plans.UntilAsync(
            async () => (await first.GetAsync($"{sale}/availability")).Text == (await second.GetAsync($"{sale}/availability")).Text,
            "the same view");
        Assert.Equal(103, (await second.GetAsync($"{sale}/availability")).Sequence);

        // What one server holds, the other can pay and find.
        var other = await second.OpenSaleAsync();
        var id = Plans.NewId();
        (await first.PutAsync($"{other}/holds/{id}", Plans.Hold())).Is(200);
        var paid = (await second.PostAsync($"{other}/holds/{id}/pay", Plans.Pay("r"))).Is(200);
        Assert.Equal(paid.Text, (await first.GetAsync($"{other}/orders/{id}")).Is(200).Text);
    }

    private static async Task<(string Buyer, Answer First, Answer Second)> BuyTwiceAsync(
        RunningServer server, string sale, string buyer, Task start)
    {
        var id = Plans.NewId();
        await start;
        var both = await Task.WhenAll(BuyAsync(server, sale, id, buyer), BuyAsync(server, sale, id, buyer));
        return (buyer, both[0], both[1]);
    }

    private static async Task<Answer> BuyAsync(RunningServer server, string sale, string id, string buyer)
    {
        while (true)
        {
            var answer = await server.PutAsync($"{sale}/orders/{id}", Plans.Order(buyer, quantity: 1));
            if (answer.Status < 500) return answer;
            answer.Is(503, "BUSY");
            await Task.Delay(50);
        }
    }
}
