using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>Where sales are kept, and what goes with them: a directory, or a database that several machines share.</summary>
public interface ISaleStore : IDisposable
{
    /// <summary>What people call it; no password in it.</summary>
    string Name { get; }

    /// <summary>The keys under which ids and buyers are hashed; one pair for all its sales.</summary>
    Identities Identities { get; }

    /// <summary>What its servers share beside the sales: keys, and what sessions are signed with.</summary>
    ISecrets Secrets { get; }

    /// <summary>The names of the sales, in order.</summary>
    IEnumerable<string> Sales();

    /// <exception cref="NotKnownNowException">It may have been made elsewhere a moment ago, and could not be looked up.</exception>
    bool Has(string sale);

    /// <summary>Makes the journal of a new sale, whole or not at all, with the plan as its first entry.</summary>
    /// <param name="sale">Its name.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="by">The name of the key that makes it, for the journal; null for none.</param>
    /// <returns>False when there is one already.</returns>
    /// <exception cref="IOException">It could not be made now.</exception>
    bool TryCreate(string sale, Plan plan, string? by = null);

    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="IOException">It cannot be opened now.</exception>
    IJournal Open(string sale);

    /// <summary>As <see cref="Open"/>, for who only looks on and never takes a turn, however far behind.</summary>
    IJournal OpenToRead(string sale) => Open(sale);
}

/// <summary>Whether there is such a sale cannot be told in this moment; in the next it can.</summary>
public sealed class NotKnownNowException(string sale) : IOException($"Nobody can tell at this moment whether there is a sale {sale}.");

/// <summary>Small texts that nobody else may read, each changed whole. For every thread and any number of processes.</summary>
public interface ISecrets
{
    /// <summary>Where the text is kept, for messages.</summary>
    string Describe(string name);

    /// <summary>Another one when the text may have changed; cheap, and up to a second old. The default value when there is none.</summary>
    SecretStamp Stamp(string name);

    /// <returns>Null when there is none.</returns>
    /// <exception cref="IOException">It cannot be read now.</exception>
    /// <exception cref="InvalidDataException">It is there and cannot be unsealed.</exception>
    string? Read(string name);

    /// <summary>Writes the text unless there is one. Of those that try together, one does.</summary>
    bool TryAdd(string name, string text);

    /// <summary>Replaces the text by what the function makes of it, with nobody else changing it in between.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="change">Given the text, or null when there is none; null changes nothing.</param>
    void Change(string name, Func<string?, string?> change);
}

/// <summary>Which version of a text it is.</summary>
public readonly record struct SecretStamp(DateTime Time, long Number);
