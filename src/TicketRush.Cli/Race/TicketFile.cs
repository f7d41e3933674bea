using System.Globalization;
using System.Text;
using System.Text.Json;

namespace TicketRush.Cli.Race;

/// <summary>
/// The file that the teaching programs keep their remaining tickets in: one JSON object with one whole number, under one of three
/// names. Read and written as those programs do: nothing here locks anything.
/// </summary>
internal static class TicketFile
{
    /// <summary>Bytes; the documents' files have about twenty.</summary>
    private const int LengthMax = 4096;

    private const string Wanted = "It must hold one object, such as {\"count\": 5}.";
    private const string BesideMark = ".rush-race-";

    private static readonly string[] Keys = ["count", "ticket", "ticket_num"];

    /// <summary>Reads a file that somebody gave.</summary>
    /// <returns>The name under which the number stands, and the number; or, when it is no such file, what is wrong with it.</returns>
    public static (string Key, int Count, string? Wrong) Check(string path)
    {
        byte[] bytes;
        try
        {
            bytes = ReadWhole(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return ("", 0, Path.Exists(path) ? $"{path} cannot be read and written: {e.Message}" : $"{path} is not there. {Wanted}");
        }

        if (bytes.Length >= LengthMax) return ("", 0, $"{path} has {LengthMax} bytes or more. {Wanted}");
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return ("", 0, $"{path} holds {Name(root)}. {Wanted}");
            var members = root.EnumerateObject().ToArray();
            if (members is not [var member] || !Keys.Contains(member.Name))
            {
                var keys = string.Join(" or ", Keys.Select(key => $"\"{key}\""));
                return ("", 0, $"{path} must hold one member, named {keys}; it has {Names(members)}.");
            }

            if (member.Value.ValueKind != JsonValueKind.Number)
                return ("", 0, $"\"{member.Name}\" in {path} is {Name(member.Value)}; it must be a whole number, 0 or more.");
            return member.Value.TryGetInt32(out var count) && count >= 0
                ? (member.Name, count, null)
                : ("", 0, $"\"{member.Name}\" in {path} is {member.Value}; it must be a whole number from 0 to {int.MaxValue}.");
        }
        catch (JsonException e)
        {
            return ("", 0, $"{path} is not JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}. {Wanted}");
        }
    }

    /// <summary>The file itself, by its full name, where that is a link's.</summary>
    public static string Resolve(string path) => File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);

    /// <summary>Reads it in the middle of a race, as the programs do.</summary>
    /// <exception cref="JsonException">Somebody is writing it at this moment: it is empty, or half there.</exception>
    public static int Read(string path, string key)
    {
        // To the end, as they do: where two have written at once, something may follow the object.
        var reader = new Utf8JsonReader(ReadBytes(path));
        int? count = null;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals(key) && reader.Read()) count = reader.GetInt32();
        }

        return count ?? throw new JsonException("There is no number.");
    }

    /// <summary>Empties the file, then writes it: for a moment it is not whole.</summary>
    public static void WriteInPlace(string path, string key, int count)
    {
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.Write(file, Text(key, count), 0);
    }

    /// <summary>
    /// Writes another file, and gives it the name of this one: everybody sees the old or the new. Who may read and write it stays as it is.
    /// </summary>
    public static void Replace(string path, string key, int count)
    {
        var temporary = Beside(path);
        using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
        {
            RandomAccess.Write(file, Text(key, count), 0);
            if (!OperatingSystem.IsWindows() && File.Exists(path)) File.SetUnixFileMode(file, File.GetUnixFileMode(path));
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>A name for a file of this process alone, in the same directory.</summary>
    public static string Beside(string path) => $"{path}{BesideMark}{Environment.ProcessId}";

    /// <summary>Takes away what processes have left beside it that were killed.</summary>
    public static void Clear(string path)
    {
        var (directory, name) = (Path.GetDirectoryName(path)!, Path.GetFileName(path));
        foreach (var other in Directory.EnumerateFiles(directory))
        {
            if (Path.GetFileName(other).StartsWith(name + BesideMark, StringComparison.Ordinal)) File.Delete(other);
        }
    }

    private static byte[] Text(string key, int count) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{\"{key}\": {count}}}"));

    // .NET locks what it opens unless told that others may read and write: the documents' programs share.
    private static byte[] ReadBytes(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Span<byte> bytes = stackalloc byte[LengthMax];
        return bytes[..RandomAccess.Read(file, bytes, 0)].ToArray();
    }

    /// <exception cref="NotSupportedException">It is a pipe or the like, which would be waited for.</exception>
    private static byte[] ReadWhole(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[Math.Min(RandomAccess.GetLength(file), LengthMax)];
        return bytes[..RandomAccess.Read(file, bytes, 0)];
    }

    private static string Name(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };

    private static string Names(JsonProperty[] members) =>
        members.Length == 0 ? "none" : string.Join(", ", members.Take(5).Select(member => $"\"{member.Name}\""));
}
