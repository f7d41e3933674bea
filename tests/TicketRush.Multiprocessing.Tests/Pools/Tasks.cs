using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Pools;

/// <summary>What the workers of these tests do.</summary>
internal static class Tasks
{
    private static int _initialized;
    private static string? _initializedWith;

    public static int Square(int number) => number * number;

    public static string Describe(string? text) => text is null ? "nothing" : $"<{text}>";

    public static Ticket Upgrade(Ticket ticket) => ticket with { Seats = [.. ticket.Seats, "extra"], Price = ticket.Price * 2 };

    public static byte[] Reverse(byte[] bytes) => [.. bytes.Reverse()];

    public static double Scale(int number, double factor) => number * factor;

    public static string Join(string first, int second, Ticket? third) => $"{first}/{second}/{third?.Holder}";

    public static int Pid() => Environment.ProcessId;

    public static int PidOf(int ignored) => Environment.ProcessId;

    public static int SleepAndSquare(int number)
    {
        Thread.Sleep(number % 3 * 10);
        return number * number;
    }

    public static int Refuse(int number) =>
        number % 5 == 3 ? throw new SoldOutException($"seat {number} is sold") : number;

    public static int RefuseOddly(int number) => throw new OddException(number);

    public static int RefuseAtLength(int number) => throw new InvalidDataException(new string('x', 1 << 20) + number);

    public static int RefuseAndNote(string path)
    {
        Kids.AddLine(path, "ran");
        throw new TimeoutException("not today");
    }

    public static Knot Tie(int ignored)
    {
        var knot = new Knot();
        knot.Itself = knot;
        return knot;
    }

    /// <summary>The first time it runs, stays until it is killed; then it is as good as done.</summary>
    public static string StayOnce(string path)
    {
        if (path == "other" || File.Exists(path)) return "done the second time";
        Kids.Say(path, $"{Environment.ProcessId}");
        Kids.Sleep();
        return "";
    }

    public static string StayOnceOf(string path, int ignored) => StayOnce(path);

    public static string StayOnceOfThree(string path, int ignored, double alsoIgnored) => StayOnce(path);

    public static void StayWithoutResult(string path) => StayOnce(path);

    public static int Leave(int code)
    {
        ProcessEntry.Exit(code);
        return 0;
    }

    public static int StayAndReturn(int ignored)
    {
        Kids.Sleep();
        return 0;
    }

    public static int PidAfterPause(int ignored)
    {
        Thread.Sleep(10);
        return Environment.ProcessId;
    }

    public static int StayFor(int milliseconds)
    {
        Thread.Sleep(milliseconds);
        return milliseconds;
    }

    public static void Append(string path, string text) => File.AppendAllText(path, text);

    public static void Initialize(string path, int number, Connection connection)
    {
        _initialized++;
        _initializedWith = $"{number} {connection.Writable}";
        Kids.AddLine(path, $"{Environment.ProcessId}");
    }

    public static string TellInitialized(int ignored) => $"{_initialized} {_initializedWith}";

    public static void InitializeBadly() => throw new InvalidDataException("there is no map of the hall");

    public static void InitializeOnce(WornOut ignored)
    {
    }

    public static void EndAtOnce() => ProcessEntry.Exit(7);

    public static int CountIn(int times, SharedLock gate, string path)
    {
        for (var i = 0; i < times; i++)
        {
            using (gate.Enter())
            {
                var count = File.Exists(path) ? int.Parse(File.ReadAllText(path), System.Globalization.CultureInfo.InvariantCulture) : 0;
                File.WriteAllText(path, $"{count + 1}");
            }
        }

        return times;
    }
}

internal sealed record Ticket(string Holder, string[] Seats, decimal Price);

internal sealed class Knot
{
    public Knot? Itself { get; set; }
}

internal sealed class SoldOutException(string message, Exception? cause) : Exception(message, cause)
{
    public SoldOutException(string message) : this(message, null) { }
}

/// <summary>Nothing that could be made from a message.</summary>
internal sealed class OddException(int number) : Exception($"{number} is odd");

/// <summary>Counts how often it is written.</summary>
[JsonConverter(typeof(WornOutConverter))]
internal sealed class WornOut
{
    public int Written { get; set; }
}

internal sealed class WornOutConverter : JsonConverter<WornOut>
{
    public override void Write(Utf8JsonWriter writer, WornOut value, JsonSerializerOptions options)
    {
        writer.WriteNumberValue(++value.Written);
    }

    public override WornOut Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new() { Written = reader.GetInt32() };
}
