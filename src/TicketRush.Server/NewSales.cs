using TicketRush.Journal;

namespace TicketRush.Server;

/// <summary>
/// Opens the sales that come to be elsewhere, or come back, before anybody asks for them: to open one reads its whole journal, and a
/// balancer that asks how this server is must not wait for that.
/// </summary>
internal sealed class NewSales(Sales sales, ILogger<NewSales> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    // The end does not wait for a database that is away.
                    await Task.Run(sales.All, CancellationToken.None).WaitAsync(stoppingToken);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // Who asks for a sale is told.
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // Whatever it is, the sales that are open must not end with it, as the host would end.
                    Log.NewSalesFailed(log, e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
