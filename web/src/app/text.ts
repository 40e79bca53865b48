import { texts } from '../text/texts.svelte.ts';

export const t = texts({
  tr: {
    navigation: 'Ana gezinme',
    find: 'Bul',
    searching: 'Aranıyor',
    chats: 'Sohbetler',
    chat: 'Sohbet',
    call: 'Görüşme',
    notifications: 'Bildirimler',
    account: 'Hesap',
    unread: 'okunmamış',
    skip: 'İçeriğe geç',
    noLine: 'Bağlantı yok. Yeniden bağlanılıyor.',
    open: 'Aç',
    found: (handle: string) => `Biri bulundu: ${handle}`,
    newVersion: 'Yeni sürüm hazır.',
    reload: 'Yenile',
    choose: 'Bir sohbet seçin',
    chooseText: 'Konuşmalarınız solda durur.',
    noSuchPage: 'Burada bir şey yok',
    noSuchPageText: 'Adres değişmiş ya da yanlış yazılmış olabilir.',
    home: 'Başa dön',
    notLoaded: 'Bu bölüm açılamadı',
    notLoadedText: 'Bağlantınıza bakıp yeniden deneyin. Yeni bir sürüm de çıkmış olabilir.',
    starting: 'Açılıyor',
    startOffline: 'Sunucuya ulaşılamıyor',
    startOfflineText: 'Bağlantı gelince Tebdil kendiliğinden açılır. Yapmanız gereken bir şey yok.',
    elsewhere: 'Tebdil başka bir sekmede açık',
    elsewhereText:
      'Mesajlar bu cihazda şifrelendiği için aynı anda yalnızca bir sekme kullanabilir. ' +
      'Buradan sürdürürseniz öteki durur.',
    useHere: 'Burada kullan',
    stuck: 'Bu cihazdaki sohbetler açılamadı',
    stuckText:
      'Tarayıcı burada saklananları şu anda vermiyor. Yer açın ya da bu sitenin veri saklamasına izin verin, ' +
      'sonra yeniden deneyin. Hiçbir şey silinmedi.',
    tryAgain: 'Yeniden dene',
    beginAnew: 'Sil ve baştan başla',
    outdated: 'Bu sürüm artık kullanılamıyor',
    outdatedText:
      'Sunucu daha yeni bir sürüm istiyor. Yenileyince gelir; sohbetleriniz bu cihazda kalır.',
  },
  en: {
    navigation: 'Main',
    find: 'Find',
    searching: 'Searching',
    chats: 'Chats',
    chat: 'Chat',
    call: 'Call',
    notifications: 'Notifications',
    account: 'Account',
    unread: 'unread',
    skip: 'Skip to content',
    noLine: 'No connection. Connecting again.',
    open: 'Open',
    found: (handle) => `You met ${handle}`,
    newVersion: 'A new version is ready.',
    reload: 'Reload',
    choose: 'Choose a chat',
    chooseText: 'Your conversations are on the left.',
    noSuchPage: 'There is nothing here',
    noSuchPageText: 'The address may have changed, or be mistyped.',
    home: 'Back to the start',
    notLoaded: 'This part could not be opened',
    notLoadedText: 'Check your connection and try again. There may also be a new version.',
    starting: 'Opening',
    startOffline: 'The server cannot be reached',
    startOfflineText:
      'Tebdil opens by itself when the connection is back. There is nothing you need to do.',
    elsewhere: 'Tebdil is open in another tab',
    elsewhereText:
      'Messages are encrypted on this device, so only one tab can use it at a time. ' +
      'If you go on here, the other one stops.',
    useHere: 'Use it here',
    stuck: 'Your chats on this device could not be opened',
    stuckText:
      'The browser does not hand out what is kept here right now. Free some space, or let this site store data, ' +
      'and try again. Nothing was deleted.',
    tryAgain: 'Try again',
    beginAnew: 'Delete them and begin anew',
    outdated: 'This version can no longer be used',
    outdatedText:
      'The server wants a newer one. Reloading brings it; your chats stay on this device.',
  },
});
