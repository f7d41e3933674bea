using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Named memory that any process of the same user can open, also one of another program: it is the file
/// <c>/dev/shm/ticketrush-</c><i>name</i>. The name goes when no process of the tree that made it holds it any more; where the last of
/// them was killed, it goes when the next is made, or looks for that name, by whatever program. Who opened it by name from elsewhere keeps
/// what it has mapped, and does not remove the name of what is in use.
/// </summary>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedMemory : SharedObject
{
    private const string Directory = "/dev/shm/", Prefix = "ticketrush-";
    private const int NameBytesMax = 200;

    private int _file = -1;
    private byte* _data;

    static SharedMemory()
    {
        SharedObjectConverter.Register(static (reference, _) => new SharedMemory(reference));
        AppDomain.CurrentDomain.ProcessExit += static (_, _) =>
        {
            if (Arena.Exists) Arena.Current.RemoveNames();
        };
    }

    /// <summary>Makes memory of zeros.</summary>
    /// <param name="length">How many bytes; at least 1.</param>
    /// <param name="name">None makes one up. It has no slash, and at most 200 bytes.</param>
    /// <exception cref="IOException">There is memory of that name.</exception>
    /// <exception cref="OutOfMemoryException">There is not that much shared memory.</exception>
    public SharedMemory(long length, string? name = null)
        : base(BlockKind.NamedMemory, sizeof(Contained), sizeof(Contained))
    {
        try
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
            RemoveStale();
            Name = name ?? Guid.NewGuid().ToString("n");
            var path = PathOf(Name);
            _file = CreateHeld(path, Name);
            try
            {
                Libc.SetLength(_file, length);
                Libc.Commit(_file, 0, length);
                Map(length);
                Describe(owns: true);
            }
            catch
            {
                Libc.Unlink(path);
                throw;
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private SharedMemory(string name)
        : base(BlockKind.NamedMemory, sizeof(Contained), sizeof(Contained))
    {
        try
        {
            Name = name;
            var path = PathOf(name);

            // Whoever made it holds a lock on it. Where nobody does they ended, all at once, and nobody was left to remove the name.
            if (RemoveIfStale(path)) throw Missing(name);
            _file = OpenExisting(path, name);
            Map(Libc.Length(_file));
            Describe(owns: false);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private SharedMemory(SharedReference reference)
        : base(BlockKind.NamedMemory, reference)
    {
        try
        {
            var state = (Contained*)Contents;
            Name = Encoding.UTF8.GetString(state->Name, state->NameBytes);
            _file = OpenExisting(PathOf(Name), Name);
            if (Libc.Inode(PathOf(Name)) != state->Inode) throw Missing(Name);
            if (state->Owns != 0) Hold(_file);
            Map(state->Length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What others open it by.</summary>
    public string Name { get; } = "";

    /// <summary>How many bytes it has.</summary>
    public long Length { get; private set; }

    /// <summary>Opens memory that another process made.</summary>
    /// <exception cref="FileNotFoundException">There is none of that name, or those who made it have ended.</exception>
    public static SharedMemory Open(string name) => new(name);

    /// <summary>The bytes. Not to be used after <see cref="SharedObject.Dispose"/>, which unmaps them.</summary>
    /// <exception cref="OverflowException">There are more than a span can have; take <see cref="Slice"/>.</exception>
    public Span<byte> AsSpan() => Slice(0, checked((int)Length));

    /// <summary>Some of the bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Some are not of this memory.</exception>
    public Span<byte> Slice(long start, int length)
    {
        _ = Contents;
        if (start < 0 || length < 0 || start > Length - length) throw new ArgumentOutOfRangeException(nameof(start));
        return new(_data + start, length);
    }

    /// <summary>Removes the name now. Those who have the memory keep it.</summary>
    public void Unlink() => Remove(Contents);

    /// <summary>Removes the name if it is this memory's to remove.</summary>
    internal static void Remove(byte* contents)
    {
        var state = (Contained*)contents;
        if (state->Owns == 0) return;
        var path = PathOf(Encoding.UTF8.GetString(state->Name, state->NameBytes));

        // Somebody else may have removed it, and another made one of that name.
        if (Libc.Inode(path) == state->Inode) Libc.Unlink(path);
        state->Owns = 0;
    }

    private protected override void Disposing()
    {
        if (_data != null) Libc.Unmap(_data, Length);
        if (_file >= 0) Libc.Close(_file);
        _file = -1;
        _data = null;
    }

    private void Map(long length)
    {
        _data = Libc.TryMap(_file, length);
        if (_data == null) throw new OutOfMemoryException($"There are not {length} bytes of address space for shared memory.");
        Length = length;
    }

    private void Describe(bool owns)
    {
        var state = (Contained*)Contents;
        state->NameBytes = Encoding.UTF8.GetBytes(Name, new Span<byte>(state->Name, NameBytesMax));
        (state->Length, state->Inode, state->Owns) = (Length, Libc.Inode(PathOf(Name)), owns ? 1 : 0);
        Publish();
    }

    private static int CreateHeld(string path, string name)
    {
        while (true)
        {
            if (!Libc.TryCreate(path, out var file))
            {
                if (!RemoveIfStale(path)) throw new IOException($"There is shared memory of the name {name} already.");
                continue;
            }

            // Between the two another may have found it without a lock, taken it for stale, and removed it.
            Hold(file);
            if (!(new FileInfo($"/proc/self/fd/{file}").LinkTarget ?? "").EndsWith(" (deleted)", StringComparison.Ordinal)) return file;
            Libc.Close(file);
        }
    }

    private static void Hold(int file)
    {
        while (!Libc.TryLock(file, shared: true)) Thread.Sleep(1);
    }

    private static void RemoveStale()
    {
        foreach (var path in System.IO.Directory.EnumerateFiles(Directory, Prefix + "*")) RemoveIfStale(path);
    }

    /// <returns>False when somebody holds it, or it is another user's.</returns>
    private static bool RemoveIfStale(string path)
    {
        int file;
        try
        {
            file = Libc.Open(path);
        }
        catch (IOException)
        {
            return !File.Exists(path);
        }

        var stale = Libc.TryLock(file, shared: false);
        if (stale && Libc.Inode($"/proc/self/fd/{file}") == Libc.Inode(path)) Libc.Unlink(path);
        Libc.Close(file);
        return stale;
    }

    private static int OpenExisting(string path, string name)
    {
        try
        {
            return Libc.Open(path);
        }
        catch (IOException) when (!File.Exists(path))
        {
            throw Missing(name);
        }
    }

    private static FileNotFoundException Missing(string name) => new($"There is no shared memory of the name {name}.");

    private static string PathOf(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.Contains('/', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(name) > NameBytesMax)
            throw new ArgumentException($"The name of shared memory has no slash and at most {NameBytesMax} bytes.", nameof(name));
        return Directory + Prefix + name;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Contained
    {
        public int Owns, NameBytes;
        public long Length;
        public ulong Inode;
        public fixed byte Name[NameBytesMax];
    }
}
