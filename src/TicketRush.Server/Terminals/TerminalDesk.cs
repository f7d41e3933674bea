using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Terminals;

/// <summary>What one connection is answered at once: who it is, and what there is to be seen.</summary>
internal sealed class TerminalDesk
{
    // What clients send as the user when they were given a password alone.
    private const string NoUser = "default";

    // One bucket of wrong keys for HTTP and terminals; a right key always passes.
    private const string WrongKey = "The key is not known here, was revoked, or was not proved.";

    private static readonly TerminalError KeyChanged = new("KEY_CHANGED", "The connection is another key's now. Watch again.");

    private static readonly string Version = typeof(TerminalDesk).Assembly.GetName().Version!.ToString(3);

    private readonly TerminalServices _services;
    private readonly RespWriter _writer;
    private readonly TerminalAnswers _answers;
    private readonly Door.Guest _guest;
    private readonly Handshake _handshake = new();
    private readonly IPAddress? _address;
    private readonly string _channel;
    private readonly bool _isPrivate;
    private readonly long _id;

    private Key? _key;
    private string _name = "";
    private int _wrongKeys;

    public TerminalDesk(
        TerminalServices services, ConnectionContext connection, RespWriter writer, TerminalAnswers answers, Door.Guest guest)
    {
        (_services, _writer, _answers, _guest, _id) = (services, writer, answers, guest, services.NextConnection());
        var (client, server) = (connection.RemoteEndPoint as IPEndPoint, connection.LocalEndPoint as IPEndPoint);
        _address = client?.Address;
        var tls = connection.Features.Get<ITlsHandshakeFeature>() is not null;
        _isPrivate = tls
            || (client is not null && server is not null && IPAddress.IsLoopback(client.Address) && IPAddress.IsLoopback(server.Address));
        _channel = tls ? connection.Items[TerminalListener.ChannelItem] as string ?? ""
            : client is null || server is null ? "" : Handshake.ChannelOf(client, server);
        Watching = new(services, connection, writer);
    }

    public Caller Caller { get; private set; } = null!;

    /// <summary>It has proved who it is. Stays so.</summary>
    public bool IsKnown => _key is not null;

    /// <summary>False when a key was proved and is none any more.</summary>
    public bool IsKeyLive => _key is not { } key || (_services.Keys.WithId(key.Id) is { } now && now.Hash.AsSpan().SequenceEqual(key.Hash));

    public Watching Watching { get; }

    public bool May(TerminalCommand command) => _key is null
        ? command.IsForStrangers
        : Caller.May(command.Permission) && (_writer.Version == 3 || !Watching.IsWatching
            || command.Verb is TerminalVerb.Watch or TerminalVerb.Unwatch or TerminalVerb.Ping or TerminalVerb.Quit);

    /// <summary>Says why a command is not served.</summary>
    public void TurnAway(TerminalCommand? command, in Words words)
    {
        if (command is null) Refuse(new("UNKNOWN_COMMAND", $"There is no command {Printable(words[0])}; COMMAND LIST lists them."));
        else if (!command.Takes(words.Count)) Refuse(command.HasOtherWords);
        else if (_key is null) Refuse(new("UNAUTHORIZED", "Say who you are first: AUTH keyid secret, or AUTH CHALLENGE."));
        else if (!Caller.May(command.Permission)) Refuse(new("FORBIDDEN", $"A {_key.Role.Name()} key may not do this."));
        else Refuse(TerminalError.Invalid(
            "What watches in version 2 of the protocol has no room for replies: HELLO 3 first, or use another connection."));
    }

    /// <returns>False when the connection ends.</returns>
    public bool Do(TerminalCommand command, in Words words) => command.Verb switch
    {
        TerminalVerb.Ping => Ping(words),
        TerminalVerb.Echo => Echo(words),
        TerminalVerb.Available => Available(command, words),
        TerminalVerb.Sales => Sales(),
        TerminalVerb.Watch => Watch(command, words),
        TerminalVerb.Unwatch => Unwatch(words),

        // Whoever guesses comes again for the next few guesses.
        TerminalVerb.Hello => Hello(command, words) && _wrongKeys < _services.Limits.WrongKeys,
        TerminalVerb.Auth => Auth(command, words) && _wrongKeys < _services.Limits.WrongKeys,
        TerminalVerb.Command => Commands(command, words),
        TerminalVerb.Info => Info(),
        TerminalVerb.Client => Client(command, words),
        _ => Quit(),
    };

    private bool Ping(in Words words)
    {
        if (words.Count > 2) return Refuse(TerminalError.Invalid("PING takes one text, or none."));
        if (_writer.Version == 2 && Watching.IsWatching)
        {
            // As clients of the second version know it while they are being pushed to.
            _writer.Array(2);
            _writer.Bulk("pong"u8);
            _writer.Bulk(words.Count == 2 ? words[1] : default);
        }
        else if (words.Count == 2)
        {
            _writer.Bulk(words[1]);
        }
        else
        {
            _writer.Simple("PONG"u8);
        }

        return true;
    }

    private bool Echo(in Words words)
    {
        _writer.Bulk(words[1]);
        return true;
    }

    private bool Quit()
    {
        _writer.Simple("OK"u8);
        return false;
    }

    private bool Hello(TerminalCommand command, in Words words)
    {
        var version = _writer.Version;
        if (words.Count > 1 && (!words.TryNumber(1, out version) || version is not (2 or 3)))
            return Refuse(new("NOPROTO", "Versions 2 and 3 of the protocol are spoken here."));

        // All of it is right, or nothing of it is done: who is answered an error is who it was before.
        var (auth, name) = (0, 0);
        for (var i = 2; i < words.Count;)
        {
            if (auth == 0 && words.Is(i, "AUTH"u8) && words.Count > i + 2) (auth, i) = (i, i + 3);
            else if (name == 0 && words.Is(i, "SETNAME"u8) && words.Count > i + 1) (name, i) = (i, i + 2);
            else return Refuse(command.HasOtherWords);
        }

        if (name != 0 && !IsName(words[name + 1])) return Refuse(NameWrong);
        if (auth != 0 && Plain(words[auth + 1], words[auth + 2]) is { } wrong) return Refuse(wrong);
        if (name != 0) _name = words.Text(name + 1);
        _writer.Version = version;
        _writer.Map(7);
        Member("server", "ticketrush");
        Member("version", Version);
        _writer.Bulk("proto"u8);
        _writer.Integer(version);
        _writer.Bulk("id"u8);
        _writer.Integer(_id);
        Member("mode", "standalone");
        Member("role", "master");
        _writer.Bulk("modules"u8);
        _writer.Array(0);
        return true;
    }

    private bool Auth(TerminalCommand command, in Words words)
    {
        if (words.Is(1, "CHALLENGE"u8) && words.Count == 5) return Challenge(words);
        if (words.Is(1, "PROOF"u8) && words.Count == 3) return Proof(words[2]);
        TerminalError? wrong = words.Count switch
        {
            // The key says its own id; so clients that know a password alone can be given it.
            2 => Plain(default, words[1]),
            3 => Plain(words[1], words[2]),
            _ => command.HasOtherWords,
        };
        if (wrong is { } error) return Refuse(error);
        _writer.Simple("OK"u8);
        return true;
    }

    /// <summary>The key itself. Not where somebody on the way could read it.</summary>
    private TerminalError? Plain(ReadOnlySpan<byte> keyId, ReadOnlySpan<byte> secret)
    {
        if (!_isPrivate)
        {
            return new(
                "INSECURE",
                "A key is sent over TLS or within one machine only. Prove it with AUTH CHALLENGE, and revoke the one that you have just "
                    + "sent.");
        }

        if (Ascii.Equals(keyId, NoUser)) keyId = default;
        Span<char> text = stackalloc char[KeyRing.LengthMax];
        return secret.Length <= text.Length && Encoding.UTF8.TryGetChars(secret, text, out var length)
            && _services.Keys.Find(text[..length]) is { } key && (keyId.IsEmpty || Ascii.Equals(keyId, IdOf(key)))
            ? BeKnown(key)
            : Wrong();
    }

    private bool Challenge(in Words words)
    {
        if (!words.Is(2, "CLIENT"u8) || words[3].Length is 0 or > 63 || !Handshake.IsHex(words[4]))
            return Refuse(TerminalError.Invalid("AUTH CHALLENGE client keyid nonce: the nonce is 64 lower-case hexadecimal digits."));

        var nonce = _handshake.Begin(words.Text(3), words.Text(4), _services.Time);
        Span<byte> proof = stackalloc byte[HMACSHA256.HashSizeInBytes];
        _handshake.Prove("server", _channel, VerifierOf(_handshake.KeyId, out _), proof);
        _writer.Array(2);
        _writer.Bulk(nonce);
        _writer.Bulk(Convert.ToHexStringLower(proof));
        return true;
    }

    private bool Proof(ReadOnlySpan<byte> given)
    {
        var isInTime = _handshake.TryEnd(_services.Limits.NonceAge, _services.Time);
        if (!isInTime) return Refuse(new("NONCE_EXPIRED", "A challenge is answered once, and within some seconds. Ask for another."));

        // The length is the protocol's, never the peer's: what is shorter is not compared so far, but not at all.
        if (!Handshake.IsHex(given)) return Refuse(TerminalError.Invalid("A proof is 64 lower-case hexadecimal digits."));
        Span<byte> right = stackalloc byte[HMACSHA256.HashSizeInBytes], sent = stackalloc byte[HMACSHA256.HashSizeInBytes];
        _handshake.Prove("client", _channel, VerifierOf(_handshake.KeyId, out var key), right);
        Convert.FromHexString(given, sent, out _, out _);
        if (!CryptographicOperations.FixedTimeEquals(right, sent) || key is null) return Refuse(Wrong());
        if (BeKnown(key) is { } full) return Refuse(full);
        _writer.Simple("OK"u8);
        return true;
    }

    // A key that is not there, or has no verifier, is challenged like any other: ids cannot be tried out.
    private ReadOnlySpan<byte> VerifierOf(string keyId, out Key? key)
    {
        key = _services.Keys.WithId(keyId == KeyRing.OfficeName ? "" : keyId);
        if (key is { Verifier: { } verifier }) return verifier;
        key = null;
        return _services.NoKey;
    }

    private static string IdOf(Key key) => key.Id.Length == 0 ? KeyRing.OfficeName : key.Id;

    private TerminalError? BeKnown(Key key)
    {
        if (!_guest.TryBecomeKnown(key.Name))
            return new("TOO_MANY_CONNECTIONS", "As many connections as may be are open with keys of this name.");

        // What it watches as somebody else ends, and is not taken for a sale in which nothing happens.
        if (_key is not null && _key.Name != key.Name) Watching.EndAll(KeyChanged);
        (_key, Caller) = (key, Caller.Of(key, byCookie: false));
        return null;
    }

    private TerminalError Wrong()
    {
        var end = ++_wrongKeys >= _services.Limits.WrongKeys ? " The connection ends." : "";
        return _services.Rates.TryWrongKey(_address, out var later)
            ? new("UNAUTHORIZED", WrongKey + end)
            : new("RATE_LIMITED", $"Too many wrong keys came from your network. Try again in {later} s.{end}");
    }

    private bool Sales()
    {
        var sales = _services.Sales.All();
        _writer.Array(sales.Count);
        foreach (var sale in sales)
        {
            var snapshot = sale.Sequencer?.Snapshot;
            _writer.Array(5);
            _writer.Bulk(sale.Name);
            _writer.Bulk(SaleEndpoints.StateOf(sale));
            _writer.Integer(snapshot?.Sequence ?? 0);
            _writer.Bulk(snapshot?.Plan.Name ?? "");
            _writer.Bulk(snapshot?.Plan.Currency ?? "");
        }

        return true;
    }

    private bool TryFind(string name, [NotNullWhen(true)] out OpenSale? sale, out TerminalError none)
    {
        sale = null;
        try
        {
            sale = _services.Sales.Find(name);
            none = new("UNKNOWN_SALE", Problems.UnknownSaleDetail(name));
        }
        catch (NotKnownNowException)
        {
            var (code, detail) = Problems.NotKnownNowTold;
            none = new(code, detail);
        }

        return sale is not null;
    }

    private bool Available(TerminalCommand command, in Words words)
    {
        var name = words.Text(1);
        if (!TryFind(name, out var sale, out var none)) return Refuse(none);
        if (sale.Sequencer?.Snapshot is not { } snapshot) return Refuse(new("SALE_STOPPED", Problems.StoppedDetail(sale)));
        var plan = snapshot.Plan;
        var tier = -1;
        var next = 2;
        if (words.Count is 3 or 7)
        {
            tier = TerminalAsking.TierNamed(words[2], plan);
            if (tier < 0) return Refuse(new("UNKNOWN_TIER", "The plan has no such tier; GET the sale to see its tiers."));
            next = 3;
        }

        var (from, to) = (-1, -1);
        if (words.Count == next + 4 && words.Is(next, "FROM"u8) && words.Is(next + 2, "TO"u8))
        {
            (from, to) = (plan.StopNamed(words.Text(next + 1)), plan.StopNamed(words.Text(next + 3)));
            if (from < 0 || to < 0) return Refuse(new("UNKNOWN_STOP", "The plan has no such stop; GET the sale to see its stops."));
            if (from >= to)
            {
                return Refuse(new(
                    "BAD_JOURNEY", "from must be a stop before to, where something travels; where nothing does, leave both out."));
            }
        }
        else if (words.Count != next)
        {
            return Refuse(command.HasOtherWords);
        }

        if (tier >= 0)
        {
            _writer.Integer(FreeOf(snapshot, tier, from, to));
            return true;
        }

        _writer.Array(5);
        _writer.Bulk(SaleEndpoints.StateOf(sale));
        _writer.Integer(snapshot.Sequence);
        _writer.Integer(snapshot.TimeMs);
        _writer.Bulk(snapshot.Hash.ToString());
        _writer.Map(plan.Tiers.Length);
        for (var i = 0; i < plan.Tiers.Length; i++)
        {
            _writer.Bulk(plan.Tiers[i].Id);
            _writer.Integer(FreeOf(snapshot, i, from, to));
        }

        return true;
    }

    private static int FreeOf(SaleSnapshot snapshot, int tier, int from, int to)
    {
        var pool = snapshot.Plan.PoolNamed(snapshot.Plan.Tiers[tier].Pool);
        if (from < 0 || snapshot.Plan.Pools[pool].Travel == Travel.None) return SaleEndpoints.FreeOf(snapshot, pool);
        return Math.Max(snapshot.Views[pool]!.FreeFor(from, to), 0);
    }

    private bool Watch(TerminalCommand command, in Words words)
    {
        long after = 0;
        if (words.Count != 2 && (words.Count != 4 || !words.Is(2, "AFTER"u8) || !words.TrySequence(3, out after)))
            return Refuse(command.HasOtherWords);
        var name = words.Text(1);
        if (!TryFind(name, out var sale, out var none)) return Refuse(none);
        if (sale.Sequencer?.Snapshot is not { } snapshot) return Refuse(new("SALE_STOPPED", Problems.StoppedDetail(sale)));
        if (words.Count == 2) after = snapshot.Sequence;
        if (after > snapshot.Sequence)
            return Refuse(TerminalError.Invalid($"The sale has come to sequence {snapshot.Sequence}, not {after}."));
        if (Watching.TryAdd(sale.Name, after, Caller) is { } wrong) return Refuse(wrong);
        _writer.Array(3);
        _writer.Bulk("watch"u8);
        _writer.Bulk(sale.Name);
        _writer.Integer(after);
        return true;
    }

    private bool Unwatch(in Words words)
    {
        var wasWatching = Watching.Remove(words.Text(1));
        _writer.Array(3);
        _writer.Bulk("unwatch"u8);
        _writer.Bulk(words[1]);
        _writer.Integer(wasWatching ? 1 : 0);
        return true;
    }

    private bool Commands(TerminalCommand asked, in Words words)
    {
        var all = TerminalCommand.All;
        if (words.Is(1, "COUNT"u8)) _writer.Integer(all.Length);
        else if (words.Is(1, "LIST"u8))
        {
            _writer.Array(all.Length);
            foreach (var command in all) _writer.Bulk(command.Name);
        }
        else if (words.Is(1, "DOCS"u8))
        {
            _writer.Map(all.Length);
            foreach (var command in all)
            {
                _writer.Bulk(command.Name);
                _writer.Map(2);
                Member("summary", command.Usage);
                Member("group", "ticketrush");
            }
        }
        else if (words.Count == 1 || words.Is(1, "INFO"u8))
        {
            _writer.Array(all.Length);
            foreach (var command in all)
            {
                _writer.Array(6);
                _writer.Bulk(command.Name.ToLowerInvariant());
                _writer.Integer(command.Arity);
                _writer.Array(0);
                for (var i = 0; i < 3; i++) _writer.Integer(0); // No word of it is a key of a key-value store.
            }
        }
        else
        {
            return Refuse(asked.HasOtherWords);
        }

        return true;
    }

    private bool Info()
    {
        var (text, door) = (new StringBuilder(), _services.Door);
        Append($"# Server\r\nserver_name:ticketrush\r\nticketrush_version:{Version}\r\n");
        Append($"uptime_in_seconds:{(Environment.TickCount64 - _services.StartedAt) / 1000}\r\nloading:0\r\n\r\n");
        Append($"# Clients\r\nconnected_clients:{door.Inside}\r\nmaxclients:{_services.Limits.Connections}\r\n");
        Append($"unauthenticated_clients:{door.Strangers}\r\n\r\n# Sales\r\n");
        foreach (var sale in _services.Sales.Opened().OrderBy(sale => sale.Name, StringComparer.Ordinal))
        {
            var snapshot = sale.Sequencer?.Snapshot;
            Append($"sale_{sale.Name}:state={SaleEndpoints.StateOf(sale)},sequence={snapshot?.Sequence ?? 0}");
            Append($",orders={snapshot?.Orders ?? 0}\r\n");
        }

        _writer.Bulk(text.ToString());
        return true;

        void Append(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture));
    }

    // What clients say of themselves when they connect. It is taken and forgotten.
    private bool Client(TerminalCommand command, in Words words)
    {
        if (words.Is(1, "SETINFO"u8) && words.Count == 4) _writer.Simple("OK"u8);
        else if (words.Is(1, "ID"u8) && words.Count == 2) _writer.Integer(_id);
        else if (words.Is(1, "GETNAME"u8) && words.Count == 2) _writer.Bulk(_name);
        else if (!words.Is(1, "SETNAME"u8) || words.Count != 3) return Refuse(command.HasOtherWords);
        else if (!IsName(words[2])) return Refuse(NameWrong);
        else
        {
            _name = words.Text(2);
            _writer.Simple("OK"u8);
        }

        return true;
    }

    private static TerminalError NameWrong => TerminalError.Invalid("A name has 1 to 64 characters from ! to ~.");

    private static bool IsName(ReadOnlySpan<byte> name) =>
        name.Length is > 0 and <= 64 && !name.ContainsAnyExceptInRange((byte)'!', (byte)'~');

    private bool Refuse(in TerminalError error)
    {
        _answers.WriteError(error);
        return true;
    }

    private void Member(string name, string value)
    {
        _writer.Bulk(name);
        _writer.Bulk(value);
    }

    private static string Printable(ReadOnlySpan<byte> word)
    {
        var text = Encoding.ASCII.GetString(word[..Math.Min(word.Length, 32)]);
        return string.Concat(text.Select(letter => letter is >= '!' and <= '~' ? letter : '?'));
    }
}
