using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>
/// What a child runs, as it travels to the child: a method of this program, or a subclass of <see cref="ChildProcess"/>, named by the
/// identity of its binary and its number in that. The child has the same binary or refuses.
/// </summary>
internal static class Target
{
    private const BindingFlags AsThrown = BindingFlags.DoNotWrapExceptions;

    /// <summary>Writes a method or a type.</summary>
    public static void Write(BinaryWriter writer, MemberInfo member)
    {
        writer.Write(member.Module.Assembly.GetName().Name!);
        writer.Write(member.Module.ModuleVersionId.ToByteArray());
        writer.Write(member.MetadataToken);
    }

    /// <summary>Finds it in this program.</summary>
    /// <exception cref="InvalidOperationException">The program's files were replaced after the parent had started.</exception>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "The parent's binary is this one, so what it refers to is here.")]
    public static MemberInfo Read(BinaryReader reader)
    {
        var (name, version, token) = (reader.ReadString(), new Guid(reader.ReadBytes(16)), reader.ReadInt32());
        var module = Assembly.Load(name).ManifestModule;
        if (module.ModuleVersionId == version) return module.ResolveMember(token)!;
        throw new InvalidOperationException(
            $"{name} is not the build that the parent process runs: it was replaced while the program ran. Start the program again.");
    }

    /// <exception cref="ArgumentException">It could not be found or called in another process.</exception>
    public static MethodInfo Check(Delegate target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var method = target.Method;
        var why = target.GetInvocationList().Length > 1 ? "it combines several delegates"
            : method.IsGenericMethod || method.DeclaringType is null or { IsGenericType: true } ? "it is generic or made at run time"
            : method.GetParameters().Any(one => one.ParameterType is { IsByRef: true } or { IsByRefLike: true } or { IsPointer: true })
                ? "it takes a reference"
            : !method.IsStatic && !IsPlainLambda(method) ? "it is an instance method, or a lambda that captures variables" : null;
        return why is null ? method : throw new ArgumentException(
            $"{method.DeclaringType?.Name}.{method.Name} cannot run in another process: {why}. "
            + "A target is a static method (or a lambda that captures nothing); what it needs, it gets as arguments.", nameof(target));
    }

    /// <summary>The arguments of a call, one for each parameter: the positional ones, then those by name, then defaults.</summary>
    /// <exception cref="ArgumentException">They do not fit the parameters; the message says which one and why.</exception>
    public static object?[] Bind(MethodInfo method, object?[] positional, IReadOnlyDictionary<string, object?> named)
    {
        var parameters = method.GetParameters();
        if (positional.Length > parameters.Length)
            throw new ArgumentException($"{method.Name} takes {parameters.Length} arguments, and {positional.Length} were given.");

        var bound = new object?[parameters.Length];
        for (var i = 0; i < bound.Length; i++)
        {
            var parameter = parameters[i];
            var byName = named.TryGetValue(parameter.Name!, out var value);
            var byPosition = i < positional.Length;
            if (byPosition && byName) throw new ArgumentException($"{method.Name}: {parameter.Name} is given twice.");
            bound[i] = byPosition ? Fit(method, parameter, positional[i])
                : byName ? Fit(method, parameter, value)
                : parameter.HasDefaultValue ? Default(parameter)
                : throw new ArgumentException($"{method.Name}: {parameter.Name} is missing.");
        }

        foreach (var name in named.Keys)
        {
            if (!parameters.Any(parameter => parameter.Name == name))
                throw new ArgumentException($"{method.Name} has no parameter named {name}.");
        }

        return bound;
    }

    /// <summary>Calls it, waits for the task if it returns one, and says what a program's Main that did this would have returned.</summary>
    public static int Invoke(MethodInfo method, object?[] arguments)
    {
        var instance = method.IsStatic ? null : PlainLambdaInstance(method);
        switch (method.Invoke(instance, AsThrown, null, arguments, null))
        {
            case int exitCode:
                return exitCode;
            case Task<int> running:
                return running.GetAwaiter().GetResult();
            case Task running:
                running.GetAwaiter().GetResult();
                return 0;
            case ValueTask<int> running:
                return running.AsTask().GetAwaiter().GetResult();
            case ValueTask running:
                running.AsTask().GetAwaiter().GetResult();
                return 0;
            default:
                return 0;
        }
    }

    private static object? Fit(MethodInfo method, ParameterInfo parameter, object? value)
    {
        var type = parameter.ParameterType;
        if (value is null)
        {
            if (!type.IsValueType || Nullable.GetUnderlyingType(type) is not null) return null;
            throw new ArgumentException($"{method.Name}: {parameter.Name} is a {type.Name} and cannot be null.");
        }

        if (type.IsInstanceOfType(value)) return value;
        return Widen(value, Nullable.GetUnderlyingType(type) ?? type) ?? throw new ArgumentException(
            $"{method.Name}: {parameter.Name} is a {type.Name}, and a {value.GetType().Name} was given.");
    }

    // As the compiler would in a call: an int where a long is wanted. Only when nothing is lost.
    private static object? Widen(object value, Type type)
    {
        if (!IsNumber(value.GetType()) || !IsNumber(type)) return null;
        try
        {
            var wide = Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
            return Convert.ChangeType(wide, value.GetType(), CultureInfo.InvariantCulture).Equals(value) ? wide : null;
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static bool IsNumber(Type type) => !type.IsEnum && Type.GetTypeCode(type) is >= TypeCode.SByte and <= TypeCode.Decimal;

    private static object? Default(ParameterInfo parameter) =>
        parameter.DefaultValue ?? (parameter.ParameterType.IsValueType && Nullable.GetUnderlyingType(parameter.ParameterType) is null
            ? RuntimeHelpers.GetUninitializedObject(parameter.ParameterType) : null);

    private static bool IsPlainLambda(MethodInfo method) =>
        method.DeclaringType is { } type && type.IsDefined(typeof(CompilerGeneratedAttribute)) && !HasState(type);

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "A field that is trimmed away held nothing that is used.")]
    private static bool HasState(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Length > 0;

    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = "It has no state, so no constructor is needed.")]
    private static object PlainLambdaInstance(MethodInfo method) => RuntimeHelpers.GetUninitializedObject(method.DeclaringType!);
}
