namespace Lessons;

/// <summary>
/// Threads in both forms, and what can be asked of them. They share one process: its memory, its end. Unlike CPython's they run in
/// parallel, so what they share needs a lock all the more (see countdown).
/// </summary>
internal static class Threads
{
    public static void Run()
    {
        // The first form: a method. It may use the variables around it, for they lie in the same memory.
        var sold = 0;
        var seller = new Thread(() =>
        {
            Console.WriteLine($"  {Thread.CurrentThread.Name}: opening");
            sold = 3;
        }) { Name = "seller" };
        Console.WriteLine($"made: {seller.Name}, alive {seller.IsAlive}");
        seller.Start();
        seller.Join();
        Console.WriteLine($"joined: {seller.Name}, alive {seller.IsAlive}, sold {sold}");

        // The second form: a class that has a thread. Thread itself is sealed, so the class owns one instead of being one.
        var printer = new Printer("printer");
        printer.Start();
        Console.WriteLine($"started: {printer.Name}, alive {printer.IsAlive}");
        printer.Finish();
        Console.WriteLine($"joined: {printer.Name}, alive {printer.IsAlive}, printed {printer.Printed}");

        // A background thread is what Python calls a daemon: the process does not wait for it. It waits for every other one.
        var isUnderWay = new ManualResetEventSlim();
        var mainIsOver = new ManualResetEventSlim();
        Begin("clock", isBackground: true, () =>
        {
            isUnderWay.Set();
            Thread.Sleep(TimeSpan.FromSeconds(30));
        });
        isUnderWay.Wait();
        Begin("cleaner", isBackground: false, mainIsOver.Wait);
        Console.WriteLine("main: the last line");
        mainIsOver.Set();
    }

    private static void Begin(string name, bool isBackground, Action work) =>
        new Thread(() =>
        {
            Console.WriteLine($"  {Thread.CurrentThread.Name}: running, background {Thread.CurrentThread.IsBackground}");
            work();
            Console.WriteLine($"  {Thread.CurrentThread.Name}: done");
        }) { Name = name, IsBackground = isBackground }.Start();

    private sealed class Printer
    {
        private readonly Thread _thread;
        private readonly ManualResetEventSlim _isToEnd = new();

        public Printer(string name) => _thread = new(Run) { Name = name };

        public string Name => _thread.Name!;

        public bool IsAlive => _thread.IsAlive;

        public int Printed { get; private set; }

        public void Start() => _thread.Start();

        public void Finish()
        {
            _isToEnd.Set();
            _thread.Join();
        }

        private void Run()
        {
            Console.WriteLine($"  {Thread.CurrentThread.Name}: opening");
            _isToEnd.Wait();
            Printed = 1;
        }
    }
}
