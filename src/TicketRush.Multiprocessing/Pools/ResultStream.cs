using System.Collections;
using System.Runtime.ExceptionServices;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>
/// The results of a mapping as they are asked for. The inputs are read by whoever takes the results, a bounded number of chunks ahead: so
/// there may be more of them than fit into memory, and they may never end.
/// </summary>
internal sealed class ResultStream<TIn, TOut>(SeatedPool pool, Call<TIn, TOut> call, IEnumerable<TIn> inputs, int chunkSize, bool isOrdered)
    : IEnumerable<TOut>
{
    private const int ChunksAheadPerWorker = 4;

    public IEnumerator<TOut> GetEnumerator()
    {
        var (gate, under) = (new object(), new LinkedList<Chunk<TIn, TOut>>());
        using var source = inputs.GetEnumerator();
        Exception? inputFailure = null;
        pool.Backlog.BeginStream();
        try
        {
            for (var isEnded = false; ;)
            {
                while (!isEnded && under.Count < pool.Size * ChunksAheadPerWorker)
                {
                    var chunk = Read(source, gate, out isEnded, out inputFailure);
                    if (chunk is null) break;
                    lock (gate) under.AddLast(chunk);
                    pool.Backlog.AddToStream(chunk);
                }

                if (under.Count == 0) break;
                var next = Next(gate, under);
                for (var i = 0; i < next.Good; i++) yield return next.Results.Span[i];
                if (next.Failure is { } failure) ExceptionDispatchInfo.Throw(failure);
            }

            if (inputFailure is not null) ExceptionDispatchInfo.Throw(inputFailure);
        }
        finally
        {
            foreach (var chunk in under) chunk.IsDropped = true;
            pool.Backlog.EndStream();
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <returns>Null when there are no more inputs, or not a whole chunk of them before they failed.</returns>
    private Chunk<TIn, TOut>? Read(IEnumerator<TIn> source, object gate, out bool isEnded, out Exception? failure)
    {
        (isEnded, failure) = (false, null);
        var chunk = new List<TIn>();
        try
        {
            while (chunk.Count < chunkSize && !isEnded)
            {
                if (source.MoveNext()) chunk.Add(source.Current);
                else isEnded = true;
            }
        }
        catch (Exception thrown)
        {
            (isEnded, failure) = (true, thrown);
            return null;
        }

        return chunk.Count == 0 ? null : new(call, chunk.ToArray(), new TOut[chunk.Count], done =>
        {
            lock (gate)
            {
                done.IsDone = true;
                Monitor.Pulse(gate);
            }
        })
        { Count = chunk.Count };
    }

    private Chunk<TIn, TOut> Next(object gate, LinkedList<Chunk<TIn, TOut>> under)
    {
        lock (gate)
        {
            while (true)
            {
                var next = under.First;
                while (!isOrdered && next is { Value.IsDone: false }) next = next.Next;
                if (next is { Value.IsDone: true })
                {
                    under.Remove(next);
                    return next.Value;
                }

                Monitor.Wait(gate);
            }
        }
    }
}
