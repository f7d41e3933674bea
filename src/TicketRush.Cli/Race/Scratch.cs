using System.Runtime.InteropServices;

namespace TicketRush.Cli.Race;

/// <summary>
/// A directory in which a race keeps what nobody gave it; gone when it is disposed of. What a race left that was killed, the next one takes
/// away.
/// </summary>
internal sealed partial class Scratch : IDisposable
{
    /// <summary>A file system in memory that every Linux has.</summary>
    public const string Memory = "/dev/shm";

    private const string Prefix = "rush-race-", Mark = "in-use";

    /// <summary>Between making the mark and locking it a race has no lock yet, and is not to be taken for a dead one.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(1);

    private readonly FileStream _mark;

    /// <summary>Makes it, so that nobody else can read it.</summary>
    /// <param name="place">The directory to make it in.</param>
    /// <exception cref="IOException">It could not be made.</exception>
    public Scratch(string place)
    {
        Sweep(place);
        Directory = Path.Combine(place, $"{Prefix}{Guid.NewGuid():N}");
        if (OperatingSystem.IsWindows()) System.IO.Directory.CreateDirectory(Directory);
        else System.IO.Directory.CreateDirectory(Directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        // Locked as long as this process lives, however it ends.
        _mark = new(Path.Combine(Directory, Mark), FileMode.CreateNew, FileAccess.Write, FileShare.None);
    }

    /// <summary>Where a flush costs something: the temporary directory, unless it is in memory and another place is not.</summary>
    public static string Disk { get; } =
        new[] { Path.GetTempPath(), "/var/tmp", Environment.CurrentDirectory }
            .FirstOrDefault(place => System.IO.Directory.Exists(place) && !IsInMemory(place))
        ?? Path.GetTempPath();

    public string Directory { get; }

    public static bool IsInMemory(string directory) => new DriveInfo(directory).DriveFormat is "tmpfs" or "ramfs";

    public void Dispose()
    {
        if (OperatingSystem.IsWindows()) _mark.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
        _mark.Dispose();
    }

    // Only what is our own: in a directory for everybody, others could lay out links for us to delete along.
    private static void Sweep(string place)
    {
        if (!OperatingSystem.IsLinux()) return;
        var readable = new EnumerationOptions { IgnoreInaccessible = true };
        foreach (var directory in System.IO.Directory.EnumerateDirectories(place, Prefix + "*", readable))
        {
            var mark = Path.Combine(directory, Mark);
            try
            {
                if (!IsOurs(directory) || !File.Exists(mark) || DateTime.UtcNow - File.GetLastWriteTimeUtc(mark) < Grace) continue;
                using var locked = new FileStream(mark, FileMode.Open, FileAccess.Write, FileShare.None);
                System.IO.Directory.Delete(directory, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody races there, or takes it away as we do.
            }
        }
    }

    private static bool IsOurs(string directory)
    {
        // Not following links; the owner stands at byte 20 of what statx answers.
        const int CurrentDirectory = -100, NoFollow = 0x100, Owner = 0x8, OwnerAt = 20;
        Span<byte> status = stackalloc byte[256];
        return Statx(CurrentDirectory, directory, NoFollow, Owner, ref MemoryMarshal.GetReference(status)) == 0
            && MemoryMarshal.Read<uint>(status[OwnerAt..]) == EffectiveUser();
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte status);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
