namespace TicketRush.Cli.Tests.Faults;

/// <summary>One after another and with nothing beside them: they count seconds, and there are few cores.</summary>
[CollectionDefinition(nameof(FaultCollection), DisableParallelization = true)]
public sealed class FaultCollection;
