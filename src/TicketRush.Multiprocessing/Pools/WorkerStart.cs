using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>What a worker does before its first task: the pool's initialiser with its arguments.</summary>
[JsonConverter(typeof(WorkerStartConverter))]
internal sealed record WorkerStart(MethodInfo Initializer, object?[] Arguments)
{
    public void Initialize() => Target.Invoke(Initializer, Arguments);
}

/// <summary>
/// Writes the arguments as the types of the initialiser's parameters, so that they may be all that a child's arguments may.
/// </summary>
internal sealed class WorkerStartConverter : JsonConverter<WorkerStart>
{
    public override void Write(Utf8JsonWriter writer, WorkerStart value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteBase64StringValue(CallTargets.Name(value.Initializer));
        var parameters = value.Initializer.GetParameters();
        for (var i = 0; i < parameters.Length; i++)
            JsonSerializer.Serialize(writer, value.Arguments[i], TypeOf(value.Initializer, parameters[i]));
        writer.WriteEndArray();
    }

    public override WorkerStart Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        reader.Read();
        var method = CallTargets.Find(reader.GetBytesFromBase64());
        var parameters = method.GetParameters();
        var arguments = new object?[parameters.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            reader.Read();
            arguments[i] = JsonSerializer.Deserialize(ref reader, TypeOf(method, parameters[i]));
        }

        reader.Read();
        return new(method, arguments);
    }

    private static JsonTypeInfo TypeOf(MethodInfo method, ParameterInfo parameter) =>
        Argument.TypeOf(parameter.ParameterType, $"The argument {parameter.Name} of {method.Name}");
}
