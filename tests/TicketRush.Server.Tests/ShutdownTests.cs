using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Journal.Files;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

public sealed class ShutdownTests
{
    [Fact]
    public async Task What_was_accepted_before_the_stop_is_answered()
    {
        var arrived = new Arrivals();
        await using var server = await RunningServer.StartAsync(
            configure: builder => builder.Services.AddSingleton<IStartupFilter>(arrived));
        var sale = await server.OpenSaleAsync(Plans.Concert(capacity: 1_000, perBuyer: 1_000));
        var before = arrived.Count;

        // While the turn is elsewhere nothing is decided, so all of these are under way when the stop comes.
        using var other = FileJournal.Open(server.JournalOf(sale));
        other.TakeTurn(new Chain());
        var orders = Enumerable.Range(0, 100).Select(_ => server.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order(quantity: 1)))
            .ToArray();
        await Plans.UntilAsync(() => Task.FromResult(arrived.Count == before + 100), "the requests");
        var stopping = server.App.StopAsync();
        Assert.False(stopping.IsCompleted);
        other.ReleaseTurn();

        var answers = await Task.WhenAll(orders);
        await stopping.WaitAsync(TimeSpan.FromSeconds(30));

        // Busy is an answer too, should this machine have taken more than a second and a half to get here.
        Assert.All(answers, answer => Assert.True(answer.Status == 200 || answer.Code == "BUSY", answer.Text));
        Assert.Equal(answers.Count(answer => answer.Status == 200) + 3, (int)Chain.Read(server.JournalOf(sale))[^1].Last);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => server.GetAsync("/health/live"));
    }

    private sealed class Arrivals : IStartupFilter
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (_, go) =>
            {
                Interlocked.Increment(ref _count);
                await go();
            });
            next(app);
        };
    }
}
