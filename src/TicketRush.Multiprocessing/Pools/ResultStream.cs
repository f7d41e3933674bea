using System.Collections;
using System.Runtime.ExceptionServices;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>
/// The results of a mapping as they are asked for. The inputs are read by whoever takes the results, a bounded number of chunks ahead: so
/// there may be more of them than fit into memory, and they may never end.
/// </summary>
internal sealed class ResultStream<TIn, TOut>(
    SeatedPool pool, Call<TIn, TOut> call, IEnumerable<TIn> inputs, int chunkSize, bool isOrdered) : IEnumerable<TOut>
{
    /// <summary>So many that no worker runs dry in the time that it takes to wake whoever reads the inputs.</summary>
    public const int ChunksAheadPerWorker = 16;

    public IEnumerator<TOut> GetEnumerator()
    {
        var (under, most) = (new Window(isOrdered), (long)pool.Size * ChunksAheadPerWorker);
        using var source = inputs.GetEnumerator();
        Exception? inputFailure = null;
        pool.Backlog.BeginStream();
        try
        {
            for (var isEnded = false; ;)
            {
                // Until there is a result: inputs that take their time do not keep it waiting, but for one while there are few under way.
                var isShort = under.Count <= most / 2;
                for (; !isEnded && under.Count < most && (isShort || !under.HasNext); isShort = false)
                {
                    var chunk = Read(source, under, out isEnded, out inputFailure);
                    if (chunk is not null) pool.Backlog.AddToStream(under.Add(chunk));
                }

                if (under.Count == 0) break;
                var next = under.Take();
                for (var i = 0; i < next.Good; i++) yield return next.Results.Span[i];
                if (next.Failure is { } failure) ExceptionDispatchInfo.Throw(failure);
            }

            if (inputFailure is not null) ExceptionDispatchInfo.Throw(inputFailure);
        }
        finally
        {
            under.Drop();
            pool.Backlog.EndStream();
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <returns>Null when there are no more inputs, or not a whole chunk of them before they failed.</returns>
    private Chunk<TIn, TOut>? Read(IEnumerator<TIn> source, Window under, out bool isEnded, out Exception? failure)
    {
        (isEnded, failure) = (false, null);
        var read = new TIn[chunkSize <= 64 ? chunkSize : 64];
        var count = 0;
        try
        {
            while (count < chunkSize && !isEnded)
            {
                if (!source.MoveNext())
                {
                    isEnded = true;
                    break;
                }

                if (count == read.Length) Array.Resize(ref read, (int)Math.Min(chunkSize, count * 2L));
                read[count++] = source.Current;
            }
        }
        catch (Exception thrown)
        {
            (isEnded, failure) = (true, thrown);
            return null;
        }

        return count == 0 ? null
            : new Chunk<TIn, TOut>(call, read.AsMemory(0, count), new TOut[count], under.Note) { Count = count }.Prepare();
    }

    /// <summary>The chunks that were handed out and whose results were not asked for yet.</summary>
    private sealed class Window(bool isOrdered)
    {
        private readonly object _gate = new();
        private readonly Queue<Chunk<TIn, TOut>> _inOrder = new(), _done = new();
        private readonly HashSet<Chunk<TIn, TOut>> _inAnyOrder = [];
        private bool _isAwaited;

        public int Count => isOrdered ? _inOrder.Count : _inAnyOrder.Count;

        public bool HasNext
        {
            get
            {
                lock (_gate) return HasNextInGate;
            }
        }

        private bool HasNextInGate => isOrdered ? _inOrder.TryPeek(out var first) && first.IsDone : _done.Count > 0;

        public Chunk<TIn, TOut> Add(Chunk<TIn, TOut> chunk)
        {
            if (isOrdered) _inOrder.Enqueue(chunk);
            else _inAnyOrder.Add(chunk);
            return chunk;
        }

        /// <summary>By whichever thread has its answer.</summary>
        public void Note(Chunk<TIn, TOut> chunk)
        {
            lock (_gate)
            {
                chunk.IsDone = true;
                if (!isOrdered) _done.Enqueue(chunk);

                // Nobody is woken for what is not his turn.
                if (_isAwaited && HasNextInGate) Monitor.Pulse(_gate);
            }
        }

        public Chunk<TIn, TOut> Take()
        {
            lock (_gate)
            {
                _isAwaited = true;
                while (!HasNextInGate) Monitor.Wait(_gate);
                _isAwaited = false;
                if (isOrdered) return _inOrder.Dequeue();
                var next = _done.Dequeue();
                _inAnyOrder.Remove(next);
                return next;
            }
        }

        public void Drop()
        {
            foreach (var chunk in isOrdered ? _inOrder : (IEnumerable<Chunk<TIn, TOut>>)_inAnyOrder) chunk.IsDropped = true;
        }
    }
}
