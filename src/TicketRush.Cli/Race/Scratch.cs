namespace TicketRush.Cli.Race;

/// <summary>Where races keep what nobody gave them: on a disk, where there is one. In memory a flush would cost nothing.</summary>
internal static class Scratch
{
    /// <summary>A file system in memory that every Linux has.</summary>
    public const string Memory = "/dev/shm";

    /// <summary>The temporary directory, unless it is in memory and another place is not.</summary>
    public static string Disk { get; } =
        new[] { Path.GetTempPath(), "/var/tmp", Environment.CurrentDirectory }
            .FirstOrDefault(place => Directory.Exists(place) && !IsInMemory(place))
        ?? Path.GetTempPath();

    public static bool IsInMemory(string directory) => new DriveInfo(directory).DriveFormat is "tmpfs" or "ramfs";

    /// <summary>Makes a directory that nobody else can read.</summary>
    /// <exception cref="IOException">It could not be made.</exception>
    public static string Create()
    {
        var path = Path.Combine(Disk, $"rush-race-{Guid.NewGuid():N}");
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
