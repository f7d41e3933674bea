using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>
/// What a worker does before its first task: the pool's initialiser with its arguments. They are written once, when the pool is made, for
/// a worker that is started an hour later gets the same, whatever the program has done to its own since.
/// </summary>
[JsonConverter(typeof(WorkerStartConverter))]
internal sealed class WorkerStart : IDisposable
{
    private readonly object?[] _arguments = [];
    private readonly SafeHandle[] _descriptors = [];
    private readonly SharedObject[] _kept = [];

    /// <summary>In the pool.</summary>
    /// <exception cref="NotSupportedException">No context knows how to write an argument.</exception>
    public WorkerStart(MethodInfo initializer, object?[] arguments)
    {
        Initializer = initializer;
        using var handover = Handover.CollectAndKeep();
        var parameters = initializer.GetParameters();
        Written =
            [.. parameters.Select((parameter, i) => JsonSerializer.SerializeToUtf8Bytes(arguments[i], TypeOf(initializer, parameter)))];
        var descriptors = new List<SafeHandle>();
        try
        {
            foreach (var descriptor in handover.Descriptors) descriptors.Add(Native.Descriptors.Duplicate(descriptor));
        }
        catch
        {
            foreach (var descriptor in descriptors) descriptor.Dispose();
            throw;
        }

        (_descriptors, _kept) = ([.. descriptors], handover.TakeKept());
    }

    private WorkerStart(MethodInfo initializer, byte[][] written, SafeFileHandle[] descriptors)
    {
        (Initializer, Written) = (initializer, written);
        using var handover = Handover.Supply(descriptors);
        var parameters = initializer.GetParameters();
        _arguments =
            [.. parameters.Select((parameter, i) => JsonSerializer.Deserialize(written[i], TypeOf(initializer, parameter)))];
    }

    public MethodInfo Initializer { get; }

    /// <summary>Each argument, as the type of its parameter is written.</summary>
    public IReadOnlyList<byte[]> Written { get; }

    /// <summary>What the arguments mention.</summary>
    public IReadOnlyList<SafeHandle> Descriptors => _descriptors;

    /// <summary>In a worker.</summary>
    public static WorkerStart Read(MethodInfo initializer, byte[][] written, SafeFileHandle[] descriptors) =>
        new(initializer, written, descriptors);

    public void Initialize() => Target.Invoke(Initializer, _arguments);

    /// <summary>In the pool, when no worker will be started any more and all have ended.</summary>
    public void Dispose()
    {
        foreach (var descriptor in _descriptors) descriptor.Dispose();
        foreach (var shared in _kept) shared.Dispose();
    }

    private static JsonTypeInfo TypeOf(MethodInfo method, ParameterInfo parameter) =>
        Argument.TypeOf(parameter.ParameterType, $"The argument {parameter.Name} of {method.Name}");
}

/// <summary>Writes [the initialiser, [the descriptors' numbers], the arguments …].</summary>
internal sealed class WorkerStartConverter : JsonConverter<WorkerStart>
{
    public override void Write(Utf8JsonWriter writer, WorkerStart value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteBase64StringValue(CallTargets.Name(value.Initializer));
        writer.WriteStartArray();
        foreach (var descriptor in value.Descriptors) writer.WriteNumberValue(Handover.Add(descriptor, "an argument of an initialiser"));
        writer.WriteEndArray();
        foreach (var argument in value.Written) writer.WriteRawValue(argument);
        writer.WriteEndArray();
    }

    public override WorkerStart Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        var (start, count) = (document.RootElement, document.RootElement.GetArrayLength());
        var initializer = CallTargets.Find(start[0].GetBytesFromBase64());
        SafeFileHandle[] descriptors = [.. start[1].EnumerateArray().Select(number => Handover.Take(number.GetInt32()))];
        var arguments = Enumerable.Range(2, count - 2).Select(i => start[i]);
        byte[][] written = [.. arguments.Select(one => JsonSerializer.SerializeToUtf8Bytes(one, CommonJson.Default.JsonElement))];
        return WorkerStart.Read(initializer, written, descriptors);
    }
}
