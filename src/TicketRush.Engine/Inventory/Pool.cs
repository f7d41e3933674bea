namespace TicketRush.Engine.Inventory;

/// <summary>The places of one pool, counted. Always: capacity = blocked + held + sold + free, none below zero.</summary>
internal struct Pool
{
    public int Capacity, Blocked, Held, Sold;

    public readonly int Free => Capacity - Blocked - Held - Sold;
}
