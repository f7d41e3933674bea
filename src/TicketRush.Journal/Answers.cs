namespace TicketRush.Journal;

/// <summary>
/// Some answered submissions, completed one after another on one thread of the pool: a hop for each caller would cost more
/// than the decision did.
/// </summary>
internal sealed class Answers : IThreadPoolWorkItem
{
    private const int ChunkSize = 64;

    // Given now, not looked up when the pool comes to them: a batch that is answered Unknown may still be under way, and its
    // submissions must not be seen to become Done before the flush.
    private readonly (Submission Submission, Outcome Outcome)[] _answers;

    private Answers(ReadOnlySpan<Submission> submissions, Outcome? all)
    {
        _answers = new (Submission, Outcome)[submissions.Length];
        for (var i = 0; i < submissions.Length; i++) _answers[i] = (submissions[i], all ?? submissions[i].Outcome);
    }

    public static void Send(ReadOnlySpan<Submission> submissions, Outcome? all = null)
    {
        for (; submissions.Length > 0; submissions = submissions[Math.Min(ChunkSize, submissions.Length)..])
            ThreadPool.UnsafeQueueUserWorkItem(new Answers(submissions[..Math.Min(ChunkSize, submissions.Length)], all), preferLocal: false);
    }

    public void Execute()
    {
        foreach (var (submission, outcome) in _answers) submission.Complete(outcome);
    }
}
