namespace TicketRush.Multiprocessing.Tests.Processes;

internal sealed record Order(int Id, string[] Seats);

internal sealed class Greeter : ChildProcess
{
    public required string Path { get; init; }

    public override void Run() => File.WriteAllText(Path, $"{Name} {Pid} {CurrentProcess.Pid}");
}
