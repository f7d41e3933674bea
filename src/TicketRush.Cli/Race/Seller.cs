using System.Runtime.InteropServices;

namespace TicketRush.Cli.Race;

/// <summary>The one seller of the queue strategy: nobody else touches the file.</summary>
internal static class Seller
{
    /// <summary>The target of its process: rehearses as buyers do, then sells until it is ended.</summary>
    public static async Task RunAsync(Shop shop)
    {
        using var interrupts = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        await Buyers.RehearseAsync(new()
        {
            Strategy = Strategy.Queue, First = 0, Count = shop.Share.Buyers, DelayMs = 0, File = shop.File, Key = shop.Key,
        });
        shop.Start!.Wait();
        Sell(shop, CancellationToken.None);
    }

    /// <summary>Serves one wish after another.</summary>
    /// <exception cref="OperationCanceledException">It is over.</exception>
    public static void Sell(Shop shop, CancellationToken over)
    {
        while (true)
        {
            var buyer = shop.Wishes.Get(cancellation: over);
            var left = TicketFile.Read(shop.File, shop.Key);
            if (shop.DelayMs > 0) Thread.Sleep(shop.DelayMs);
            if (left > 0) TicketFile.Replace(shop.File, shop.Key, left - 1);
            shop.Answers[shop.Share.Of(buyer)].Put(left > 0 ? buyer : ~buyer, cancellation: over);
            shop.Wishes.TaskDone();
        }
    }
}
