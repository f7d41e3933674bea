using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

/// <summary>Sales that come to be elsewhere, and stores that take their time.</summary>
public sealed class NewSalesTests
{
    private const string Slow = "slow";

    /// <summary>A balancer takes a server out that does not answer this at once; and all of them open a new sale in the same
    /// second.</summary>
    [Fact]
    public async Task Whether_a_server_is_ready_is_said_while_it_opens_a_sale()
    {
        using var store = new SlowStore();
        await using var server = await StartAsync(store);
        Assert.True(store.TryCreate(Slow, Plans.Elsewhere));
        Assert.True(await store.IsOpening.Task.WaitAsync(TimeSpan.FromSeconds(20), Stop));

        var ready = await server.Client.GetStringAsync("/health/ready", Stop).WaitAsync(TimeSpan.FromSeconds(10), Stop);
        Assert.Contains("\"sales\":0", ready, StringComparison.Ordinal);

        // Nobody has to ask for it to be opened.
        store.MayOpen.Set();
        for (var end = Environment.TickCount64 + 20_000; !ready.Contains("\"sales\":1", StringComparison.Ordinal);)
        {
            Assert.True(Environment.TickCount64 < end, ready);
            await Task.Delay(20, Stop);
            ready = await server.Client.GetStringAsync("/health/ready", Stop);
        }
    }

    /// <summary>The host ends when one of its services does; the sales that are open must not.</summary>
    [Fact]
    public async Task A_defect_in_looking_for_new_sales_is_logged_and_ends_nothing()
    {
        using var store = new SlowStore();
        store.MayOpen.Set();
        await using var server = await StartAsync(store);
        store.IsBroken = true;
        await Plans.UntilAsync(
            () => Task.FromResult(server.Logged.Any(line => line.Contains("which sales are new", StringComparison.Ordinal))), "it is logged");
        store.IsBroken = false;
        Assert.True(store.TryCreate("late", Plans.Elsewhere));
        await Plans.UntilAsync(
            async () => (await server.Client.GetStringAsync("/health/ready", Stop)).Contains("\"sales\":1", StringComparison.Ordinal),
            "what is new is found all the same");
    }

    [Theory]
    [InlineData("GET", "/api/sales/ghost")]
    [InlineData("GET", "/api/sales/ghost/availability")]
    [InlineData("GET", "/sales/ghost")]
    public async Task A_sale_of_which_nothing_is_known_now_is_to_be_asked_for_again(string method, string path)
    {
        using var store = new SlowStore();
        await using var server = await StartAsync(store);
        store.Unknown = "ghost";
        using var request = new HttpRequestMessage(new(method), path);
        using var answer = await server.Client.SendAsync(request, Stop);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), answer.Headers.RetryAfter?.Delta);
        if (path.StartsWith("/api", StringComparison.Ordinal))
            Assert.Contains("\"BUSY\"", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        Assert.DoesNotContain(server.Logged, line => line.Contains("NotKnownNow", StringComparison.Ordinal));

        // What is known not to be there is told so, by one look.
        store.Unknown = null;
        store.Asked.Clear();
        using var none = await server.Client.GetAsync(path, Stop);
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
        Assert.Equal(["ghost"], store.Asked);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static Task<RunningServer> StartAsync(SlowStore store) => RunningServer.StartAsync(
        demo: false, configure: builder => builder.Services.AddSingleton<ISaleStore>(store));

    private sealed class SlowStore : ISaleStore
    {
        private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("rush-slow-");
        private readonly DataDirectory _files;

        public SlowStore() => _files = new(_directory.FullName);

        public ManualResetEventSlim MayOpen { get; } = new(false);

        public TaskCompletionSource<bool> IsOpening { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public volatile string? Unknown;

        public volatile bool IsBroken;

        public ConcurrentQueue<string> Asked { get; } = new();

        public string Name => _files.Name;

        public Identities Identities => _files.Identities;

        public ISecrets Secrets => _files.Secrets;

        public IEnumerable<string> Sales() => IsBroken ? throw new InvalidOperationException("A defect.") : _files.Sales();

        public bool Has(string sale)
        {
            Asked.Enqueue(sale);
            return sale == Unknown ? throw new NotKnownNowException(sale) : _files.Has(sale);
        }

        public bool TryCreate(string sale, Plan plan, string? by = null) => _files.TryCreate(sale, plan, by);

        public IJournal Open(string sale)
        {
            if (sale == Slow)
            {
                IsOpening.TrySetResult(true);
                MayOpen.Wait();
            }

            return _files.Open(sale);
        }

        public void Dispose()
        {
            MayOpen.Set();
            if (Directory.Exists(_directory.FullName)) _directory.Delete(recursive: true);
        }
    }
}
