using System.Text;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>
/// How this program is started once more: the same file with the same arguments, host options included, whether it is an executable of
/// its own, a single file, or something that dotnet runs.
/// </summary>
internal static class Relaunch
{
    public static string Path { get; } = Environment.ProcessPath
        ?? throw new PlatformNotSupportedException("The path of this program is unknown, so it cannot be started again as a child.");

    public static IReadOnlyList<byte[]> Arguments { get; } = Read();

    private static List<byte[]> Read()
    {
        // What the program sees as its arguments is the tail of what the system was given; before it are the host and its options.
        var own = Environment.GetCommandLineArgs();
        var all = new List<byte[]>();
        var line = File.ReadAllBytes("/proc/self/cmdline").AsSpan();
        for (int end; (end = line.IndexOf((byte)0)) >= 0; line = line[(end + 1)..]) all.Add(line[..end].ToArray());

        // dotnet may have been given a relative path, and the working directory may not be what it was.
        var program = all.Count - own.Length;
        if (program > 0) all[program] = Encoding.UTF8.GetBytes(own[0]);
        return all;
    }
}
