using TicketRush.Engine;

namespace TicketRush.Journal.Files;

/// <summary>
/// A directory of sales: for each its journal, and for all of them the two keys under which ids and buyers are hashed. Any
/// number of processes on one machine may use it at once.
/// </summary>
public sealed class DataDirectory : ISaleStore
{
    private readonly FileJournalOptions _options;
    private readonly IdentityKeys _keys;

    /// <exception cref="IOException">The directory, or its keys, cannot be made or read.</exception>
    public DataDirectory(string path, FileJournalOptions? options = null)
    {
        Path = System.IO.Path.GetFullPath(path);
        _options = options ?? new();
        Directory.CreateDirectory(Path);
        Secrets = new DirectorySecrets(Path);
        _keys = IdentityKeys.Open(Secrets);
        Identities = _keys.Identities;
    }

    public string Path { get; }

    public string Name => Path;

    public Identities Identities { get; }

    public ISecrets Secrets { get; }

    public string JournalPath(string sale) => System.IO.Path.Combine(Path, sale + FileJournal.Extension);

    /// <summary>The names of the sales, in order.</summary>
    public IEnumerable<string> Sales() =>
        Directory.EnumerateFiles(Path, "*" + FileJournal.Extension)
            .Select(file => System.IO.Path.GetFileNameWithoutExtension(file))
            .Where(PlanCheck.IsId)
            .Order(StringComparer.Ordinal);

    public bool Has(string sale) => File.Exists(JournalPath(sale));

    /// <summary>Whether there is any journal but that one, under whatever name: also one that was set aside.</summary>
    internal bool HasOthersThan(string sale) => Directory.EnumerateFiles(Path, $"*{FileJournal.Extension}*")
        .Select(file => System.IO.Path.GetFileName(file))
        .Any(name => name[0] != '.' && name != sale + FileJournal.Extension);

    /// <inheritdoc cref="FileJournal.TryCreate"/>
    public bool TryCreate(string sale, Plan plan, string? by = null)
    {
        // While the identity keys are replaced, because there is no sale under them yet, there must be none.
        var isCreated = false;
        Secrets.Change(IdentityKeys.SecretName, _ =>
        {
            isCreated = FileJournal.TryCreate(JournalPath(sale), sale, plan, _options, by);
            return null;
        });
        return isCreated;
    }

    /// <inheritdoc cref="FileJournal.Open(string, FileJournalOptions?)"/>
    /// <exception cref="JournalRefusedException">… or the identity keys are not those any more that this process hashes with.</exception>
    public FileJournal Open(string sale)
    {
        var journal = FileJournal.Open(JournalPath(sale), _options);
        try
        {
            // The sale first: it gets its name after its keys are here.
            IdentityKeys.Check(Secrets, _keys);
            return journal;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    IJournal ISaleStore.Open(string sale) => Open(sale);

    void IDisposable.Dispose()
    {
        // A directory holds nothing open.
    }

    /// <summary>
    /// Writes a small secret file whole or not at all, readable by its owner only, unless there is one. Processes that start
    /// together all read what the first wrote.
    /// </summary>
    public static bool TryWriteSecret(string path, string text)
    {
        var temporary = WriteTemporary(path, text);
        var written = Platform.Current.TryPublish(temporary, path);
        Platform.Current.FlushDirectory(System.IO.Path.GetDirectoryName(path)!);
        return written;
    }

    /// <summary>As <see cref="TryWriteSecret"/>, in place of what is there; a reader finds the old text or the new one, whole.</summary>
    public static void ReplaceSecret(string path, string text)
    {
        File.Move(WriteTemporary(path, text), path, overwrite: true);
        Platform.Current.FlushDirectory(System.IO.Path.GetDirectoryName(path)!);
    }

    private static string WriteTemporary(string path, string text)
    {
        var temporary = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new FileStream(temporary, options);
        file.Write(System.Text.Encoding.UTF8.GetBytes(text));
        file.Flush(flushToDisk: true);
        return temporary;
    }
}
