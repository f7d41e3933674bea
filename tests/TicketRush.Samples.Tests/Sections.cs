namespace TicketRush.Samples.Tests;

/// <summary>What the documents have, which are not in this repository.</summary>
public static class Sections
{
    /// <summary>The documents, by their numbers, and all their sections that have anything in them.</summary>
    public static readonly (string Document, string[] Sections)[] Documents =
    [
        ("000", ["抢票小程序", "抢票小程序(优化)", "进程锁", "优化的抢票小程序"]),
        ("001",
        [
            "1.1 特性", "1.2 缺陷", "1.3 UDP协议实时通信",
            "2.1 面向锁的套接字方法", "2.1.1 blocking设置非阻塞", "2.1.2 BlockingIOError", "2.2 面向文件的套接字的函数", "2.3 验证客户端链接的合法性",
            "3.1 进程特性", "3.2 并发和并行", "3.3 同步异步阻塞非阻塞", "3.3.1 同步异步", "3.3.2 阻塞与非阻塞", "3.3.3 小结",
            "3.4.1 multiprocess模块", "3.4.2 multiprocess方法", "3.4.3 Process参数介绍", "3.4.4 Process方法介绍", "3.4.5 Process属性介绍",
            "3.4.6 if __name__ ==‘__main__’(特殊 用法)", "3.4.7 process类形式开启进程", "3.4.8 聊天并发案例",
            "3.5 内网服务可以做验证", "3.6 socket_server 解决并发", "3.7 重点掌握", "3.7.1 面向对象开启子进程传参", "3.8 并发编程难点汇总",
            "4.1 解释", "4.2 特点", "4.3 用途", "4.4 进程对象的其他方法:terminate,is_alive", "4.5 进程对象的其他属性:pid和name",
            "5.1 multiprocess.Lock", "5.2 互斥锁的特性", "第6章 队列(multiprocess.Queue、multiprocess.Pipe",
        ]),
        ("002", ["守护进程", "进程锁", "抢票demo"]),
        ("003", ["一、抢票小程序", "二、队列", "三、生产者消费者模型", "四、JoinableQueue实现生产者消费者模型", "4.1方法介绍", "4.2 模型"]),
        ("004",
        [
            "Process mutex", "Multi process and rush to buy the remaining tickets at the same time", "Using locks to secure data", "queue",
            "Interprocess communication", "Producer and Consumer",
            "The concept of thread", "Two ways to create threads", "Method of thread object", "Thread mutex",
        ]),
    ];
}
