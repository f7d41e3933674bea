using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>A pipe joins two processes: what one sends, the other receives, message by message, in both directions.</summary>
internal static class PipeBoxOffice
{
    public static void Run()
    {
        var (here, there) = Pipe.Create();
        using var boxOffice = new ChildProcess(Serve, there, 3) { Name = "box office" };
        boxOffice.Start();

        // The child has its own copy of its end now. While this one stayed open, nobody would ever see the end of the pipe.
        there.Dispose();

        foreach (var request in new[] { new TicketRequest("ann", 2), new("bob", 2), new("cy", 1) })
        {
            here.Send(request, PipeBoxOfficeJson.Default.TicketRequest);
            Console.WriteLine($"{request.Buyer}: {here.Receive(PipeBoxOfficeJson.Default.TicketAnswer)!.Text}");
        }

        // Closing is the last message: the box office finds the end of the pipe and goes home.
        here.Dispose();
        boxOffice.Join();
        Console.WriteLine($"{boxOffice.Name}: exit code {boxOffice.ExitCode}");
    }

    private static void Serve(Connection counter, int left)
    {
        while (true)
        {
            TicketRequest request;
            try
            {
                request = counter.Receive(PipeBoxOfficeJson.Default.TicketRequest)!;
            }
            catch (EndOfStreamException)
            {
                Console.WriteLine($"  {CurrentProcess.Name}: closed with {left} left");
                return;
            }

            var isSold = request.Count <= left;
            if (isSold) left -= request.Count;
            var answer = new TicketAnswer(isSold ? $"{request.Count} sold, {left} left" : $"refused, {left} left");
            counter.Send(answer, PipeBoxOfficeJson.Default.TicketAnswer);
        }
    }
}

internal sealed record TicketRequest(string Buyer, int Count);

internal sealed record TicketAnswer(string Text);

[JsonSerializable(typeof(TicketRequest))]
[JsonSerializable(typeof(TicketAnswer))]
internal sealed partial class PipeBoxOfficeJson : JsonSerializerContext;
