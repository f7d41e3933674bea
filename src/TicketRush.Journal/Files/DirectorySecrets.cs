namespace TicketRush.Journal.Files;

/// <summary>Secrets as files of a directory that only their owner may read.</summary>
public sealed class DirectorySecrets(string directory) : ISecrets
{
    public string Describe(string name) => Path.Combine(directory, name);

    public SecretStamp Stamp(string name)
    {
        var file = new FileInfo(Describe(name));
        return file.Exists ? new(file.LastWriteTimeUtc, file.Length) : default;
    }

    public string? Read(string name)
    {
        var path = Describe(name);
        return File.Exists(path) ? File.ReadAllText(path) : null;
    }

    public bool TryAdd(string name, string text)
    {
        Directory.CreateDirectory(directory);
        return DataDirectory.TryWriteSecret(Describe(name), text);
    }

    public void Change(string name, Func<string?, string?> change)
    {
        // The lock file stays; a lock on it does not outlive its process.
        using var held = Lock(Describe(name) + ".lock");
        if (change(Read(name)) is { } text) DataDirectory.ReplaceSecret(Describe(name), text);
    }

    private static FileStream Lock(string path)
    {
        for (var until = Environment.TickCount64 + 5_000; ; Thread.Sleep(10))
        {
            try
            {
                var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
                if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                return new FileStream(path, options);
            }
            catch (IOException) when (Environment.TickCount64 < until)
            {
                // Somebody else is changing it.
            }
        }
    }
}
