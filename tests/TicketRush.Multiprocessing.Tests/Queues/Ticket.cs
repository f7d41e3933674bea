namespace TicketRush.Multiprocessing.Tests.Queues;

internal sealed record Ticket(int Id, string Seat)
{
    /// <summary>Does not serialise when it is negative.</summary>
    public int Row => Id >= 0 ? Id / 10 : throw new InvalidDataException("no such row");
}
