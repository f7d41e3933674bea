using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;
using TicketRush.Multiprocessing;
using TicketRush.Server;

namespace TicketRush.Cli.Race;

/// <summary>What <c>rush serve</c> runs, on a free port, in a process that ends with this program, however that ends.</summary>
internal sealed class Server : IDisposable
{
    private readonly ChildProcess _process;
    private bool _isDisposed;

    private Server(ChildProcess process, string url) => (_process, Url) = (process, url);

    /// <summary>A key for the races of this run.</summary>
    public static string OfficeKey { get; } = "race_" + RandomNumberGenerator.GetHexString(32, lowercase: true);

    public string Url { get; }

    /// <exception cref="IOException">It did not come up.</exception>
    public static Server Start(string data)
    {
        var (here, there) = Pipe.Create();
        using (here)
        {
            var process = new ChildProcess(RunAsync, data, OfficeKey, there) { Name = "server", Daemon = true };
            process.Start();
            there.Dispose();
            try
            {
                return new(process, Encoding.UTF8.GetString(here.Receive()));
            }
            catch (EndOfStreamException)
            {
                process.Join();
                throw new IOException($"The server of the race ended with exit code {process.ExitCode} before it was ready.");
            }
        }
    }

    /// <summary>The target of the process.</summary>
    public static async Task RunAsync(string data, string officeKey, Connection ready)
    {
        // What it logs would stand between the lines of the buyers; why it could not start is to be read.
        var error = Console.Error;
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        try
        {
            await ServeAsync(data, officeKey, ready);
        }
        catch
        {
            Console.SetError(error);
            throw;
        }
    }

    private static async Task ServeAsync(string data, string officeKey, Connection ready)
    {
        await using var app = RushServer.Build(new() { DataDirectory = data, Urls = ["http://127.0.0.1:0"], OfficeKey = officeKey });
        await app.StartAsync();
        await ready.SendAsync(Encoding.UTF8.GetBytes(app.Urls.First()));
        await app.WaitForShutdownAsync();
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        if (_process.IsAlive) _process.Kill();
        _process.Join();
        _process.Dispose();
    }
}
