using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>A process as a class: what it needs are its properties, what it does is its Run.</summary>
internal static class ProcessSubclass
{
    public static void Run()
    {
        Console.WriteLine($"main: process {CurrentProcess.Pid}");
        Streamer[] streamers = [new("wu", 123), new("yuan", 456), new("ne", 789) { Name = "the third" }];
        foreach (var streamer in streamers) streamer.Start();
        foreach (var streamer in streamers) streamer.Join();

        // Only the copy in the child was changed. This one never ran.
        foreach (var streamer in streamers) Console.WriteLine($"main: {streamer.Name} told {streamer.Told} here");

        // Without Start there is no child: the same work, in this process.
        streamers[0].Run();
        Console.WriteLine($"main: {streamers[0].Name} told {streamers[0].Told} here");
    }
}

/// <summary>It travels to the child as JSON, like any argument: with its own properties, without those of the process object.</summary>
internal sealed class Streamer(string guest, int ticket) : ChildProcess
{
    public string Guest { get; } = guest;

    public int Ticket { get; } = ticket;

    public int Told { get; set; }

    public override void Run()
    {
        Told++;
        Console.WriteLine($"  {CurrentProcess.Name}, process {CurrentProcess.Pid}: chatting with {Guest}, who has ticket {Ticket}");
    }
}

[JsonSerializable(typeof(Streamer))]
internal sealed partial class ProcessSubclassJson : JsonSerializerContext;
