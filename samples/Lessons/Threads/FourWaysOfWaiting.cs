using System.Diagnostics;
using System.Text;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>
/// A question that is answered 150 ms later, waited for in four ways. Synchronous: whoever asks has to look for the answer himself.
/// Asynchronous: he is told of it. Blocking: until then he stands still. Non-blocking: he does something else meanwhile.
/// </summary>
internal static class FourWaysOfWaiting
{
    private static readonly TimeSpan Thinking = TimeSpan.FromMilliseconds(150);

    public static async Task Run()
    {
        var (counter, there) = Pipe.Create();
        using var clerk = new ChildProcess(Answer, there);
        clerk.Start();
        there.Dispose();
        Ask(counter);
        _ = counter.Receive(); // The clerk has arrived. His way to work is not measured.

        Console.WriteLine($"{"",-26}{"waited",10}{"looked",10}{"worked",10}");

        // In the queue, eyes on the counter: one look, as long as the wait.
        Row("synchronous, blocking", () =>
        {
            _ = counter.Receive();
            return (Looks: 1, Work: 0);
        });

        // On the phone, with a glance at the counter after every sentence. The glances are many, and all but the last in vain.
        Row("synchronous, non-blocking", () =>
        {
            var (looks, work) = (1, 0);
            for (; !counter.Poll(); looks++, work++) WorkAWhile();
            _ = counter.Receive();
            return (looks, work);
        });

        // With a number in the hand that will be called, and still standing there. It pays when one waits for many numbers at once.
        Row("asynchronous, blocking", () =>
        {
            counter.ReceiveAsync().AsTask().Wait();
            return (Looks: 0, Work: 0);
        });

        // With a number in the hand, on the phone: not one glance, and the call comes in the middle of the work.
        var work = 0;
        var (asked, told) = (Stopwatch.StartNew(), TimeSpan.Zero);
        Ask(counter);
        var answer = ToldAsync();
        for (var sentence = 0; sentence < 60; sentence++)
        {
            WorkAWhile();
            Interlocked.Increment(ref work);
        }

        Print("asynchronous, non-blocking", told, 0, await answer);

        counter.Dispose();
        clerk.Join();

        // What follows an await runs when the answer is there, on another thread than the one that works.
        async Task<int> ToldAsync()
        {
            _ = await counter.ReceiveAsync();
            told = asked.Elapsed;
            return Volatile.Read(ref work);
        }

        void Row(string way, Func<(int Looks, int Work)> wait)
        {
            var watch = Stopwatch.StartNew();
            Ask(counter);
            var (looks, done) = wait();
            Print(way, watch.Elapsed, looks, done);
        }
    }

    private static void Print(string way, TimeSpan waited, int looks, int work) =>
        Console.WriteLine($"{way,-26}{waited.TotalMilliseconds,7:F0} ms{looks,10}{work,10}");

    private static void Ask(Connection counter) => counter.Send("Is there a seat in row 7?"u8);

    private static void Answer(Connection desk)
    {
        try
        {
            while (true)
            {
                var question = Encoding.UTF8.GetString(desk.Receive());
                Thread.Sleep(Thinking);
                desk.Send(Encoding.UTF8.GetBytes($"{question} Yes."));
            }
        }
        catch (EndOfStreamException)
        {
            // Nobody is left to ask.
        }
    }

    /// <summary>5 ms of a processor's time.</summary>
    private static void WorkAWhile()
    {
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromMilliseconds(5)) Thread.SpinWait(20);
    }
}
