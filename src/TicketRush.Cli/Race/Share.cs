namespace TicketRush.Cli.Race;

/// <summary>Which buyers are in which process: as many in each, the first ones with one more where it does not come out even.</summary>
internal readonly record struct Share(int Buyers, int Processes)
{
    private int Least => Buyers / Processes;

    private int WithOneMore => Buyers % Processes;

    public int First(int process) => (process * Least) + Math.Min(process, WithOneMore);

    public int Count(int process) => Least + (process < WithOneMore ? 1 : 0);

    /// <summary>The process that a buyer is in.</summary>
    public int Of(int buyer)
    {
        var inLonger = WithOneMore * (Least + 1);
        return buyer < inLonger ? buyer / (Least + 1) : WithOneMore + ((buyer - inLonger) / Least);
    }
}
