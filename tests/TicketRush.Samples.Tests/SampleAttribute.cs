using System.Runtime.CompilerServices;
using Xunit.v3;

namespace TicketRush.Samples.Tests;

/// <summary>A test of the sample with this name. Every sample has one.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SampleAttribute(string name, [CallerFilePath] string? file = null, [CallerLineNumber] int line = 0)
    : FactAttribute(file, line), ITraitAttribute
{
    public string Name { get; } = name;

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("Sample", Name)];
}
